#pragma once
#include <hdf5.h>

// What the headers offer as macros, which Swift cannot see.
static inline unsigned hdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline hid_t hdf5_default_properties(void) { return H5P_DEFAULT; }
static inline hid_t hdf5_default_errors(void) { return H5E_DEFAULT; }
static inline unsigned hdf5_basic_information(void) { return H5O_INFO_BASIC; }

// Numbers in memory, the lowest byte first.
static inline hid_t hdf5_float(void) { return H5T_IEEE_F32LE; }
static inline hid_t hdf5_integer(int is_signed, int bytes) {
  switch (bytes) {
  case 1: return is_signed ? H5T_STD_I8LE : H5T_STD_U8LE;
  case 2: return is_signed ? H5T_STD_I16LE : H5T_STD_U16LE;
  case 4: return is_signed ? H5T_STD_I32LE : H5T_STD_U32LE;
  default: return is_signed ? H5T_STD_I64LE : H5T_STD_U64LE;
  }
}

// Files in memory, and strings.
static inline hid_t hdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t hdf5_character(void) { return H5T_C_S1; }
static inline size_t hdf5_variable(void) { return H5T_VARIABLE; }
