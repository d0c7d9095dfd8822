# Toolchain file: the programs for arm64, built on another machine (tools/build --arm64). Compiler and C library are
# Debian's cross packages; the other static libraries are arm64 packages that were only unpacked, into the folder
# TWOFOLD_ARM64_SYSROOT, by tools/lib/debian_packages.py.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

if(NOT TWOFOLD_ARM64_SYSROOT)
  set(TWOFOLD_ARM64_SYSROOT $ENV{TWOFOLD_ARM64_SYSROOT})
endif()
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TWOFOLD_ARM64_SYSROOT)
# After the compiler's own C library: these folders hold nothing of it.
foreach(language C CXX)
  set(CMAKE_${language}_STANDARD_INCLUDE_DIRECTORIES ${TWOFOLD_ARM64_SYSROOT}/usr/include
    ${TWOFOLD_ARM64_SYSROOT}/usr/include/aarch64-linux-gnu)
endforeach()
set(CMAKE_EXE_LINKER_FLAGS_INIT -L${TWOFOLD_ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH ${TWOFOLD_ARM64_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${TWOFOLD_ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${TWOFOLD_ARM64_SYSROOT})

# The kernel's headers for BPF programs.
set(TWOFOLD_BPF_UAPI_DIR /usr/aarch64-linux-gnu/include)
