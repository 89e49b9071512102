#include "CCompute.h"
