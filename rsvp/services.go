package rsvp

import (
	"encoding/binary"
	"math"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// The contents of SENDER_TSPEC, FLOWSPEC and ADSPEC have a message header, then
// fragments, one a service, then parameters in each (RFC 2210 section 3). All
// three headers are one word whose low half counts the words that follow; the
// second byte of a fragment's header has the break bit.
const (
	serviceVersion = 0 // message format version number, high 4 bits of the first byte
	breakBit       = 0x80
	tspecWords     = 5
	rspecWords     = 2
)

// block is a header and its contents: of the message, a fragment or a parameter.
type block struct {
	id    uint8 // service number or parameter id
	flags uint8
	data  []byte // contents; aliases the body
	off   int    // of the header in the body
}

// blocks walks the headers in body[from:to].
type blocks struct {
	body     []byte
	pos, end int
	name     string // of what is walked, for errors
}

// openServices checks the message header of an object's body and returns its
// fragments.
func openServices(body []byte, name string) (blocks, *object.DecodeError) {
	if v := body[0] >> 4; v != serviceVersion {
		return blocks{}, failf(name+" message version", 0, ErrVersion, "%d", v)
	}
	if n := int(binary.BigEndian.Uint16(body[2:])); 4+4*n != len(body) {
		return blocks{}, failf(name+" message length", 2, object.ErrLength, "%d words in %d bytes", n, len(body))
	}
	return blocks{body: body, pos: 4, end: len(body), name: name}, nil
}

// more reports whether a block follows.
func (w *blocks) more() bool { return w.pos < w.end }

// peek returns the number of the next block, or 0 if there is none.
func (w *blocks) peek() uint8 {
	if w.pos < w.end {
		return w.body[w.pos]
	}
	return 0
}

// next returns the next block.
func (w *blocks) next() (block, *object.DecodeError) {
	h := w.body[w.pos:w.end]
	if len(h) < 4 {
		return block{}, failf(w.name+" header", w.pos, object.ErrTruncated, "%d bytes left", len(h))
	}
	n := 4 + 4*int(binary.BigEndian.Uint16(h[2:]))
	if n > len(h) {
		return block{}, failf(w.name+" length", w.pos+2, object.ErrLength, "%d bytes, %d left", n, len(h))
	}
	b := block{id: h[0], flags: h[1], data: h[4:n], off: w.pos}
	w.pos += n
	return b, nil
}

// inside returns a walk over the contents of b.
func (w *blocks) inside(b block, name string) blocks {
	return blocks{body: w.body, pos: b.off + 4, end: b.off + 4 + len(b.data), name: name}
}

// only returns the next block if it has the given id and number of words.
func (w *blocks) only(id uint8, words int) (block, *object.DecodeError) {
	b, err := w.next()
	switch {
	case err != nil:
		return b, err
	case b.id != id:
		return b, failf(w.name, b.off, ErrService, "number %d, not %d", b.id, id)
	case len(b.data) != 4*words:
		return b, failf(w.name+" length", b.off+2, object.ErrLength, "%d words, not %d", len(b.data)/4, words)
	}
	return b, nil
}

// done fails if another block follows.
func (w *blocks) done() *object.DecodeError {
	if !w.more() {
		return nil
	}
	return failf(w.name, w.pos, ErrService, "number %d", w.body[w.pos])
}

func tspecFrom(d []byte) intserv.TSpec {
	return intserv.TSpec{
		Rate: float(d), Depth: float(d[4:]), Peak: float(d[8:]),
		MinUnit: binary.BigEndian.Uint32(d[12:]), MaxPacket: binary.BigEndian.Uint32(d[16:]),
	}
}

func appendTSpec(b []byte, t intserv.TSpec) []byte {
	b = appendBlock(b, intserv.ParamTSpec, 0, tspecWords)
	b = appendFloat(appendFloat(appendFloat(b, t.Rate), t.Depth), t.Peak)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, t.MinUnit), t.MaxPacket)
}

func appendBlock(b []byte, id, flags uint8, words int) []byte {
	return binary.BigEndian.AppendUint16(append(b, id, flags), uint16(words))
}

// beginServices appends an object's header and its message header; endServices
// fills in both lengths.
func beginServices(b []byte, class Class) []byte {
	return append(object.Begin(b, uint8(class), 2), serviceVersion<<4, 0, 0, 0)
}

func endServices(b []byte, start int) ([]byte, error) {
	b, err := object.End(b, start)
	if err == nil {
		binary.BigEndian.PutUint16(b[start+6:], uint16((len(b)-start-8)/4))
	}
	return b, err
}

func float(d []byte) float32 { return math.Float32frombits(binary.BigEndian.Uint32(d)) }

func appendFloat(b []byte, v float32) []byte {
	return binary.BigEndian.AppendUint32(b, math.Float32bits(v))
}
