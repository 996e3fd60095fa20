package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/wire/object"
)

// Classic pcap (draft-ietf-opsawg-pcap): a file header, then frames with a
// header each.
const (
	pcapHeaderLen    = 24
	pcapFrameLen     = 16
	pcapVersionMajor = 2
)

// pcap reads classic pcap. pcapgo would do for well-behaved files, and is the
// oracle in the tests; but it refuses frames whose captured length exceeds
// their original one, which real captures hold, keeps only the low 8 bits of
// the link type, and allocates whatever snapshot length the file names.
type pcap struct {
	r      *bufio.Reader
	order  binary.ByteOrder
	unit   machine.Time // nanoseconds in a unit of the fraction
	link   LinkType
	offset int64 // of the next frame's header
	number int   // frames read
	buf    []byte
}

func readPcap(br *bufio.Reader, order binary.ByteOrder, unit machine.Time, yield func(Record, error) bool) {
	r := &pcap{r: br, order: order, unit: unit}
	if err := r.header(); err != nil {
		yield(Record{}, err)
		return
	}
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return
		}
		if !yield(rec, err) || err != nil {
			return
		}
	}
}

// header reads the file header. Its snapshot length bounds nothing: writers
// leave it 0 or exceed it.
func (r *pcap) header() error {
	var h [pcapHeaderLen]byte
	if _, err := io.ReadFull(r.r, h[:]); err != nil {
		return &object.DecodeError{Layer: "pcap", Field: "file header", Err: truncated(err)}
	}
	if major := r.order.Uint16(h[4:]); major != pcapVersionMajor {
		return &object.DecodeError{Layer: "pcap", Field: "major version", Offset: 4, Err: fmt.Errorf("%d: %w", major, pcapng.ErrVersion)}
	}
	r.link = LinkType(r.order.Uint32(h[20:])) // the high bits tell the length of the FCS
	r.offset = pcapHeaderLen
	return nil
}

// next reads one frame. It returns io.EOF itself between frames only.
func (r *pcap) next() (Record, error) {
	if r.offset >= largeFrom {
		r.r = bufio.NewReaderSize(r.r, largeBuffer) // the same, once it is large
	}
	var h [pcapFrameLen]byte
	n, err := io.ReadFull(r.r, h[:])
	if n == 0 && errors.Is(err, io.EOF) {
		return Record{}, io.EOF
	}
	r.number++
	if err != nil {
		return Record{}, r.fail("header", 0, truncated(err))
	}
	captured, orig := int64(r.order.Uint32(h[8:])), int64(r.order.Uint32(h[12:]))
	if captured > pcapng.MaxPacket {
		return Record{}, r.fail("captured length", 8, fmt.Errorf("%d bytes: %w", captured, object.ErrTooLong))
	}
	if r.buf, err = readN(r.r, r.buf, int(captured)); err != nil {
		return Record{}, r.fail("data", pcapFrameLen+len(r.buf), truncated(err))
	}
	data := r.buf[:captured:captured]
	r.offset += pcapFrameLen + captured
	rec := Record{LinkType: r.link, Number: r.number, OrigLen: int(max(orig, captured))}
	rec.Data = data
	rec.At = machine.Time(r.order.Uint32(h[0:]))*1e9 + machine.Time(r.order.Uint32(h[4:]))*r.unit
	return rec, nil
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

// fail builds the error about a field at an offset of the current frame.
func (r *pcap) fail(field string, at int, err error) error {
	return &object.DecodeError{Layer: "pcap", Field: fmt.Sprintf("frame %d: %s", r.number, field), Offset: int(r.offset) + at, Err: err}
}
