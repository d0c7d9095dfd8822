-- What a frame is called: its symbol, mangled as in the file, or [module+0xoffset] where no name is
-- known. Everything that prints frames takes names from here, and makes those of C++ and Rust readable.
CREATE VIEW frame_name (
  frame_id,  -- the frame
  name,  -- text for display, not yet escaped
  kind  -- kind of its module, as in module.kind
) AS
SELECT
  frame.frame_id,
  CASE
    WHEN frame.symbol IS NOT NULL THEN frame.symbol
    ELSE printf('[%s+0x%x]', coalesce(module.name, 'unknown'), frame.offset_bytes)
  END,
  coalesce(module.kind, 'user')
FROM frame
LEFT JOIN module ON module.module_id = frame.module_id;
