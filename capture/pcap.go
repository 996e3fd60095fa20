package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

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
	if int64(cap(r.buf)) < captured {
		r.buf = make([]byte, max(captured, 2048))
	}
	data := r.buf[:captured:captured]
	if got, err := io.ReadFull(r.r, data); err != nil {
		return Record{}, r.fail("data", pcapFrameLen+got, truncated(err))
	}
	r.offset += pcapFrameLen + captured
	rec := Record{LinkType: r.link, Number: r.number, OrigLen: int(max(orig, captured))}
	rec.Data = data
	rec.At = machine.Time(r.order.Uint32(h[0:]))*1e9 + machine.Time(r.order.Uint32(h[4:]))*r.unit
	return rec, nil
}

// fail builds the error about a field at an offset of the current frame.
func (r *pcap) fail(field string, at int, err error) error {
	return &object.DecodeError{Layer: "pcap", Field: fmt.Sprintf("frame %d: %s", r.number, field), Offset: int(r.offset) + at, Err: err}
}
