#pragma once

// For a program that runs under the leak checker with MPI, in its main file. Open MPI unloads its
// plugins at the end, after which the leak checker can no longer tell whose the memory was that
// they still hold: keep them loaded, so that lsan.supp finds their names.

#ifndef __has_feature  // GCC
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
extern "C" int dlclose(void*) {
    return 0;
}
#endif
