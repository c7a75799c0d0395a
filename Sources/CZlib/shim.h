#ifndef CZLIB_SHIM_H
#define CZLIB_SHIM_H

#include <zlib.h>

// zlib's init functions are macros that pass the header's version and struct size; Swift cannot import macros.

/// Raw DEFLATE (no zlib header, no checksum): `windowBits` is 9...15 and is negated here.
static inline int czlib_deflate_init_raw(z_stream *stream, int level, int windowBits, int memLevel) {
    return deflateInit2(stream, level, Z_DEFLATED, -windowBits, memLevel, Z_DEFAULT_STRATEGY);
}

/// Raw DEFLATE (no zlib header, no checksum): `windowBits` is 8...15 and is negated here.
static inline int czlib_inflate_init_raw(z_stream *stream, int windowBits) {
    return inflateInit2(stream, -windowBits);
}

#endif
