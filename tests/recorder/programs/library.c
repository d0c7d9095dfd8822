// A library that a test loads at run time.
volatile int library_sink;

static void library_local(void) { library_sink += 2; }

void library_function(void) {
  library_sink *= 3;
  library_local();
}

// Where the local function is, for the test that asks for its name.
void* library_local_address(void) { return (void*)library_local; }
