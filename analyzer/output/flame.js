// Zoom, search and details for the flame graph that this script is in. It works in a file of its own
// and inside an HTML page, and touches nothing outside its svg element. Names reach the page as text
// only.
(function () {
  "use strict";
  var SVG = "http://www.w3.org/2000/svg";
  var HTML = "http://www.w3.org/1999/xhtml";
  var script = document.currentScript;
  var svg = script && script.closest ? script.closest("svg") : document.documentElement;
  var number = function (name) { return Number(svg.getAttribute(name)); };
  var margin = number("data-margin");
  var letter = number("data-letter");
  var padding = number("data-padding");
  var total = number("data-total");
  var height = number("height");
  var width = number("width");
  var compares = svg.hasAttribute("data-compares");  // a diff: widths are no shares of one whole
  var standalone = svg === document.documentElement;
  var legend = svg.querySelector(".legend");
  var legendWidth = legend ? number("data-legend-width") : 0;
  var background = svg.querySelector(".background");

  // Frames in the order of the file: by start, then by depth.
  var frames = Array.prototype.map.call(svg.querySelectorAll(".frames > g"), function (group) {
    var parts = group.querySelector("title").textContent.split("\n");
    var start = Number(group.getAttribute("data-s"));
    var value = Number(group.getAttribute("data-v"));
    return {
      group: group, rect: group.querySelector("rect"), text: group.querySelector("text"),
      name: parts[0], amount: parts[1], start: start, value: value, end: start + value,
      depth: Number(group.getAttribute("data-d")), hit: false
    };
  });
  if (frames.length === 0) { return; }
  frames.forEach(function (frame, index) { frame.group.__frame = index; });
  var zoomed = frames[0];
  var current = null;

  // Controls exist only where they work.
  var make = function (space, name, parent) {
    var element = document.createElementNS(space, name);
    parent.appendChild(element);
    return element;
  };
  var holder = make(SVG, "foreignObject", svg);
  holder.setAttribute("x", margin);
  holder.setAttribute("y", number("data-controls-y"));
  holder.setAttribute("height", 28);
  var controls = make(HTML, "div", holder);
  controls.setAttribute("class", "controls");
  var input = make(HTML, "input", controls);
  input.setAttribute("type", "search");
  input.setAttribute("placeholder", "Search ( / )");
  input.setAttribute("aria-label", "Search frames, text or regular expression");
  input.setAttribute("spellcheck", "false");
  var reset = make(HTML, "button", controls);
  reset.setAttribute("type", "button");
  reset.textContent = "Reset zoom";
  var matched = make(HTML, "span", controls);
  matched.setAttribute("class", "matched");
  var details = make(SVG, "g", svg);
  details.setAttribute("class", "details");
  details.setAttribute("pointer-events", "none");
  var detailsBack = make(SVG, "rect", details);
  detailsBack.setAttribute("height", 24);
  var detailsText = make(SVG, "text", details);
  detailsText.setAttribute("x", margin);
  detailsText.setAttribute("y", 16);

  var percent = function (part, whole) {
    var share = whole > 0 ? 100 * part / whole : 0;
    if (share > 0 && share < 0.005) { return "< 0.01 %"; }
    return (share === 0 ? "0" : share.toFixed(share < 0.095 ? 2 : 1)) + " %";
  };

  var columns = function (code) {
    return code >= 0x1100 && !(code >= 0x2000 && code < 0x2e80) ? 2 : 1;
  };
  var fitted = function (name, space) {
    var room = Math.floor((space - 2 * padding) / letter);
    if (room < 3) { return ""; }
    var letters = Array.from(name);
    var used = 0;
    var cut = -1;
    for (var i = 0; i < letters.length; i++) {
      used += columns(letters[i].codePointAt(0));
      if (used > room - 1 && cut < 0) { cut = i; }
      if (used > room) { return letters.slice(0, cut).join("") + "\u2026"; }
    }
    return name;
  };

  var layout = function () {
    var scale = (width - 2 * margin) / zoomed.value;
    frames.forEach(function (frame) {
      var caller = frame.depth < zoomed.depth && frame.start <= zoomed.start &&
          frame.end >= zoomed.end;
      var inside = frame.depth >= zoomed.depth && frame.start >= zoomed.start &&
          frame.end <= zoomed.end;
      var x = caller ? margin : margin + (frame.start - zoomed.start) * scale;
      var space = caller ? width - 2 * margin : frame.value * scale;
      frame.shown = caller || (inside && space >= 0.2);
      frame.group.style.display = frame.shown ? "" : "none";
      if (!frame.shown) { return; }
      frame.group.classList.toggle("caller", caller);
      frame.rect.setAttribute("x", x.toFixed(2));
      frame.rect.setAttribute("width", Math.max(0.1, space - (space > 2 ? 0.6 : 0)).toFixed(2));
      frame.text.setAttribute("x", (x + padding).toFixed(2));
      frame.text.textContent = fitted(frame.name, space);
    });
    reset.disabled = zoomed === frames[0];
    report();
  };

  // Share of what is shown that lies under matching frames; a match inside of a match counts once.
  var report = function () {
    if (!input.value) { matched.textContent = ""; return; }
    var covered = zoomed.start;
    var sum = 0;
    var count = 0;
    frames.forEach(function (frame) {
      if (!frame.hit) { return; }
      count++;
      var start = Math.max(frame.start, covered);
      var end = Math.min(frame.end, zoomed.end);
      if (end > start) { sum += end - start; covered = end; }
    });
    matched.textContent = count === 0 ? "no match" :
        percent(sum, zoomed.value) + " matched" + (zoomed === frames[0] ? "" : " of what is shown");
  };

  var search = function () {
    var wanted = input.value;
    var test = function () { return false; };
    if (wanted) {
      // Small letters match both; what is no regular expression is taken as it is.
      var flags = wanted === wanted.toLowerCase() ? "i" : "";
      var pattern;
      try {
        pattern = new RegExp(wanted, flags);
      } catch (error) {
        pattern = new RegExp(wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), flags);
      }
      test = function (name) { return pattern.test(name); };
    }
    frames.forEach(function (frame) {
      frame.hit = frame.depth > 0 && test(frame.name);
      frame.group.classList.toggle("hit", frame.hit);
    });
    report();
  };

  var describe = function (frame) {
    var text = "Click a frame to zoom, / to search, Esc to go back";
    if (frame) {
      text = frame.amount + (compares ? "" : " of all");
      if (!compares && zoomed !== frames[0] && frame.depth >= zoomed.depth) {
        text += ", " + percent(frame.value, zoomed.value) + " of what is shown";
      }
      text += ": " + frame.name;
    }
    var letters = Math.floor((width - 2 * margin) / 6.8);
    detailsText.textContent = text.length > letters ? text.slice(0, letters - 1) + "\u2026" : text;
  };

  var choose = function (frame) {
    if (current) { current.group.classList.remove("current"); }
    current = frame;
    if (current) { current.group.classList.add("current"); }
    describe(current);
  };

  var zoom = function (frame) {
    zoomed = frame;
    layout();
    describe(frame);
  };

  // The details stay at the lower edge of what can be seen.
  var placeDetails = function () {
    var box = svg.getBoundingClientRect();
    var scale = box.height > 0 ? height / box.height : 1;
    var visible = (window.innerHeight - box.top) * scale;
    var y = Math.max(60, Math.min(height, visible) - 24);
    details.setAttribute("transform", "translate(0," + y.toFixed(1) + ")");
  };

  // In a file of its own the picture is as wide as the window.
  var resize = function () {
    if (standalone) {
      width = Math.max(window.innerWidth, number("data-least-width"));
      svg.setAttribute("width", width);
      svg.setAttribute("viewBox", "0 0 " + width + " " + height);
      background.setAttribute("width", width);
      if (legend) {
        legend.setAttribute("transform",
            legend.getAttribute("transform").replace(/\([^,]*/, "(" + (width - margin - legendWidth)));
      }
    }
    holder.setAttribute("width", Math.max(200, width - 2 * margin - legendWidth));
    detailsBack.setAttribute("width", width);
    layout();
    placeDetails();
  };

  var frameOf = function (target) {
    var group = target && target.closest ? target.closest(".frames > g") : null;
    return group && svg.contains(group) ? frames[group.__frame] : null;
  };

  // The frame that an arrow key leads to.
  var neighbour = function (key) {
    var from = current || zoomed;
    var flame = frames.length > 1 &&
        Number(frames[0].rect.getAttribute("y")) > Number(frames[1].rect.getAttribute("y"));
    var out = flame ? "ArrowUp" : "ArrowDown";
    var best = null;
    frames.forEach(function (frame) {
      if (!frame.shown || frame === from) { return; }
      var within = frame.start >= from.start && frame.end <= from.end;
      var around = frame.start <= from.start && frame.end >= from.end;
      if (key === "ArrowLeft") {
        if (frame.depth === from.depth && frame.end <= from.start) { best = frame; }
      } else if (key === "ArrowRight") {
        if (!best && frame.depth === from.depth && frame.start >= from.end) { best = frame; }
      } else if (key === out) {
        if (frame.depth === from.depth + 1 && within && (!best || frame.value > best.value)) {
          best = frame;
        }
      } else if (frame.depth === from.depth - 1 && around) {
        best = frame;
      }
    });
    return best;
  };

  var clearSearch = function () {
    input.value = "";
    search();
    input.blur();
  };

  svg.addEventListener("click", function (event) {
    var frame = frameOf(event.target);
    if (frame) { zoom(frame); }
  });
  svg.addEventListener("mouseover", function (event) { choose(frameOf(event.target)); });
  svg.addEventListener("mouseleave", function () { choose(null); });
  reset.addEventListener("click", function () { zoom(frames[0]); });
  input.addEventListener("input", search);

  // In a page with other things in it, keys count only over the picture or inside of it.
  var over = false;
  svg.addEventListener("mouseenter", function () { over = true; });
  svg.addEventListener("mouseleave", function () { over = false; });
  document.addEventListener("keydown", function (event) {
    var focused = document.activeElement;
    var inInput = focused === input;
    var elsewhere = focused && !svg.contains(focused) && focused !== document.body;
    if (!standalone && !inInput && (!over || elsewhere)) { return; }
    var find = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "f";
    if (find && !inInput) {
      input.focus();
      input.select();
    } else if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    } else if (event.key === "Escape") {
      if (input.value || inInput) { clearSearch(); } else { zoom(frames[0]); }
    } else if (inInput) {
      return;
    } else if (event.key === "/") {
      input.focus();
      input.select();
    } else if (event.key === "Enter" && current && focused !== reset) {
      zoom(current);
    } else if (/^Arrow/.test(event.key) && current) {
      var next = neighbour(event.key);
      if (next) { choose(next); }
    } else {
      return;
    }
    event.preventDefault();
  });
  window.addEventListener("resize", resize);
  window.addEventListener("scroll", placeDetails, { passive: true });

  resize();
  describe(null);
})();
