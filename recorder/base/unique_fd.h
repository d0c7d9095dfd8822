// UniqueFd, for the rooms above that still name it here.
#pragma once

#include "format/base/unique_fd.h"
