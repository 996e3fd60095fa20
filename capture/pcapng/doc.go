// Package pcapng writes and reads pcapng captures
// (draft-ietf-opsawg-pcapng).
//
// The [Writer] is made for goldens and for live viewing: little-endian,
// nanoseconds, one interface description per port at its first use, no
// hardware, system or version strings, a comment and a direction on every
// frame that has them, and each frame handed to the underlying writer by one
// Write as soon as it is there. The same frames give the same bytes anywhere.
//
//	Section Header      shb_userappl "mpstack"
//	Interface Description   if_name = port, if_tsresol 9, LINKTYPE_ETHERNET
//	Enhanced Packet     epb_flags (direction), opt_comment (cause and fate)
//
// The [Reader] takes what others write: either byte order, several sections,
// any number of interfaces and resolutions, enhanced, simple and obsolete
// packet blocks. Blocks of other types are skipped. Every length is bounded
// before it is trusted, and errors name the block and its offset in the file.
//
// Neither reads a clock or opens a file, and neither may be used by several
// goroutines at once. Not here: classic pcap and gzip (package capture), name
// resolution and statistics blocks.
package pcapng
