// Asks Linux for huge pages, which no engine does, for every large piece of memory that a program takes, such as WebAssembly memories. Where
// /sys/kernel/mm/transparent_hugepage/enabled says "madvise" they are given to those who ask only.
//   cc -O2 -shared -fPIC -o /tmp/huge-pages.so bench/huge-pages.c
//   LD_PRELOAD=/tmp/huge-pages.so npm run bench -- end-to-end
// It stands before the C library's mmap, calls the kernel's, and says of the result what to make of it.
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

void *mmap(void *at, size_t bytes, int access, int flags, int file, off_t offset) {
  void *memory = (void *)syscall(SYS_mmap, at, bytes, access, flags, file, offset);
  int large = bytes >= (16u << 20) && (flags & MAP_ANONYMOUS);
  if (memory != MAP_FAILED && large) madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

void *mmap64(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap")));
