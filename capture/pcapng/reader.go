package pcapng

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire"
	"github.com/mpstack/mpstack/wire/object"
)

// Errors of the Reader beside those of package object; a *object.DecodeError
// with the layer "pcapng" wraps them.
var (
	ErrFormat    = errors.New("not a pcapng file")
	ErrVersion   = errors.New("unknown version")
	ErrInterface = errors.New("undescribed interface")
)

// Interface is what a section says about one of its interfaces.
type Interface struct {
	Name     string // if_name; empty where not given
	LinkType uint16 // LINKTYPE_…
	SnapLen  uint32 // frames are cut to this; 0 is no limit

	clock resolution
}

// Packet is one captured frame.
type Packet struct {
	Interface *Interface   // valid until the section ends
	ID        int          // the interface's number in its section
	At        machine.Time // 0 for simple packets, which have no time
	Dir       wire.Dir
	Comment   string // opt_comment; several are joined by newlines
	Data      []byte // as captured; valid until the next call of Next
	OrigLen   int    // length on the wire, len(Data) or more
	Offset    int64  // where its block begins in the file
}

// Reader reads a pcapng stream block by block. Its memory is bounded by what it
// has read, by MaxBlock and by the interfaces of one section.
type Reader struct {
	r          *bufio.Reader
	offset     int64 // of the current block
	next       int64 // of the block after it
	block      int   // blocks seen, the current one included
	typ        uint32
	order      binary.ByteOrder
	interfaces []*Interface
	buf        []byte
	comment    []byte
	err        error
}

// Buffers of a Reader. It begins with a small one and takes the large one once
// the file has turned out to be worth it.
const (
	smallBuffer = 1 << 9
	largeBuffer = 1 << 16
	largeFrom   = 1 << 13
)

// NewReader returns a Reader of r. Nothing is read yet.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, smallBuffer)} }

// Next returns the next frame, of whatever section. At the end of the file it
// returns io.EOF; a file that ends within a block gives an error that matches
// object.ErrTruncated. After an error Next returns that error again.
func (r *Reader) Next() (Packet, error) {
	if r.err != nil {
		return Packet{}, r.err
	}
	p, err := r.nextPacket()
	if err != nil {
		r.err = err
	}
	return p, err
}

func (r *Reader) nextPacket() (Packet, error) {
	for {
		body, err := r.readBlock()
		if err != nil {
			return Packet{}, err
		}
		switch r.typ {
		case blockSection:
			err = r.section(body)
		case blockInterface:
			err = r.description(body)
		case blockEnhanced:
			return r.enhanced(body)
		case blockPacket:
			return r.obsolete(body)
		case blockSimple:
			return r.simple(body)
		}
		if err != nil {
			return Packet{}, err
		}
	}
}

// fail builds the error about a field at an offset within the current block.
func (r *Reader) fail(field string, at int, err error) error {
	return &object.DecodeError{
		Layer:  "pcapng",
		Field:  fmt.Sprintf("block %d (%s): %s", r.block, blockName(r.typ), field),
		Offset: int(r.offset) + at,
		Err:    err,
	}
}

// readBlock reads the next block whole, checks its framing, and returns its
// body. Blocks of types that nobody asks for are skipped without being held.
func (r *Reader) readBlock() ([]byte, error) {
	for {
		n, err := r.header()
		if err != nil {
			return nil, err
		}
		if !r.wanted() {
			if err := r.skip(n - 8); err != nil {
				return nil, err
			}
			continue
		}
		if n > MaxBlock {
			return nil, r.fail("total length", 4, fmt.Errorf("%d bytes: %w", n, object.ErrTooLong))
		}
		return r.body(int(n))
	}
}

// header reads the next block's type and total length. A section header's
// byte order is settled on the way.
func (r *Reader) header() (total int64, err error) {
	r.offset = r.next
	if r.offset >= largeFrom {
		r.r = bufio.NewReaderSize(r.r, largeBuffer) // the same, once it is large
	}
	h, err := r.r.Peek(8)
	if len(h) == 0 && errors.Is(err, io.EOF) {
		return 0, r.atEnd()
	}
	r.block++
	if err != nil {
		r.typ = 0
		return 0, r.readError("block header", 0, err)
	}
	if binary.BigEndian.Uint32(h) == blockSection {
		r.typ = blockSection
		if err := r.byteOrder(); err != nil {
			return 0, err
		}
	} else if r.order == nil {
		return 0, r.fail("magic", 0, ErrFormat)
	}
	r.typ = r.order.Uint32(h)
	total = int64(r.order.Uint32(h[4:]))
	if total < blockOverhead || total%4 != 0 {
		return 0, r.fail("total length", 4, fmt.Errorf("%d: %w", total, object.ErrLength))
	}
	r.next = r.offset + total
	_, err = r.r.Discard(8)
	return total, err
}

// atEnd is the verdict on a stream that ends between blocks.
func (r *Reader) atEnd() error {
	if r.order == nil {
		return r.fail("magic", 0, object.ErrTruncated)
	}
	return io.EOF
}

// byteOrder peeks at the magic of a section header.
func (r *Reader) byteOrder() error {
	h, err := r.r.Peek(12)
	if err != nil {
		return r.readError("byte-order magic", 8, err)
	}
	switch {
	case binary.LittleEndian.Uint32(h[8:]) == byteOrderMagic:
		r.order = binary.LittleEndian
	case binary.BigEndian.Uint32(h[8:]) == byteOrderMagic:
		r.order = binary.BigEndian
	default:
		return r.fail("byte-order magic", 8, fmt.Errorf("%#x: %w", h[8:12], ErrFormat))
	}
	return nil
}

func (r *Reader) wanted() bool {
	switch r.typ {
	case blockSection, blockInterface, blockEnhanced, blockPacket, blockSimple:
		return true
	}
	return false
}

// body reads what follows the block's first 8 bytes and strips the second
// total length.
func (r *Reader) body(total int) ([]byte, error) {
	n := total - 8
	var err error
	if r.buf, err = readN(r.r, r.buf, n); err != nil {
		return nil, r.readError("body", 8+len(r.buf), err)
	}
	b := r.buf
	if again := r.order.Uint32(b[n-4:]); int64(again) != int64(total) {
		return nil, r.fail("second total length", total-4, fmt.Errorf("%d, first %d: %w", again, total, object.ErrLength))
	}
	return b[:n-4], nil
}

// readN reads n bytes into the memory of buf. What n claims takes no memory
// before the bytes are there.
func readN(r io.Reader, buf []byte, n int) ([]byte, error) {
	buf = buf[:0]
	for len(buf) < n {
		step := min(max(cap(buf), smallBuffer, 2*len(buf)), n) - len(buf)
		buf = slices.Grow(buf, step)
		got, err := io.ReadFull(r, buf[len(buf):len(buf)+step])
		buf = buf[:len(buf)+got]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// skip discards the rest of a block, without reading its second length.
func (r *Reader) skip(n int64) error {
	got, err := io.CopyN(io.Discard, r.r, n)
	if err != nil {
		return r.readError("body", int(8+got), err)
	}
	return nil
}

// readError tells the end of the file from other failures of reading.
func (r *Reader) readError(field string, at int, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the file ends here: %w", object.ErrTruncated)
	}
	return r.fail(field, at, err)
}
