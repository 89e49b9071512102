#pragma once
#include <hdf5.h>

// What the headers offer as macros, which Swift cannot see.
static inline unsigned hdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline hid_t hdf5_default_properties(void) { return H5P_DEFAULT; }
static inline hid_t hdf5_default_errors(void) { return H5E_DEFAULT; }
static inline unsigned hdf5_basic_information(void) { return H5O_INFO_BASIC; }
