# The part of twofold_recorder that names processes and addresses.
set(TWOFOLD_RECORDER_NAMES_SOURCES
  careful_open.cc
  elf_notes.cc
  elf_parser.cc
  elf_symbols.cc
  host_facts.cc
  kernel_symbols.cc
  module_file.cc
  online_cpus.cc
  proc_process.cc
  process_image.cc
  process_table.cc
  sideband.cc
  sideband_record.cc
  small_file.cc
  symbol_tables.cc
  symbolizer.cc)
