package capture

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/mpstack/mpstack/capture/pcapng"
	"github.com/mpstack/mpstack/wire/object"
)

// Errors that callers branch on, beside those of packages pcapng and object.
var (
	ErrFormat   = errors.New("neither pcapng nor pcap")
	ErrLinkType = errors.New("not Ethernet")
	ErrCut      = errors.New("cut when it was captured")
)

// Open returns the frames of the capture that r holds: pcapng, classic pcap, or
// one of them compressed by gzip. A Record's bytes are valid until the next
// step of the iteration; Clone keeps them. An error is the last thing yielded;
// a file that ends within a frame gives one that matches object.ErrTruncated
// after the frames before it. The sequence can be ranged over once.
func Open(r io.Reader) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		br := bufio.NewReaderSize(r, smallBuffer)
		if magic, _ := br.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
			z, err := gzip.NewReader(br)
			if err != nil {
				yield(Record{}, fail("gzip header", truncated(err)))
				return
			}
			br = bufio.NewReaderSize(z, smallBuffer)
		}
		open(br, yield)
	}
}

// Buffers of readers. They begin with a small one and take the large one once
// the file has turned out to be worth it.
const (
	smallBuffer = 1 << 9
	largeBuffer = 1 << 16
	largeFrom   = 1 << 13
)

// Magic numbers: the first four bytes of a file in big-endian order.
const (
	magicPcapng       = 0x0a0d0d0a
	magicMicro        = 0xa1b2c3d4
	magicMicroSwapped = 0xd4c3b2a1
	magicNano         = 0xa1b23c4d
	magicNanoSwapped  = 0x4d3cb2a1
)

func open(br *bufio.Reader, yield func(Record, error) bool) {
	b, err := br.Peek(4)
	if err != nil {
		yield(Record{}, fail("magic", truncated(err)))
		return
	}
	switch magic := binary.BigEndian.Uint32(b); magic {
	case magicPcapng:
		readPcapng(br, yield)
	case magicMicro:
		readPcap(br, binary.BigEndian, 1000, yield)
	case magicMicroSwapped:
		readPcap(br, binary.LittleEndian, 1000, yield)
	case magicNano:
		readPcap(br, binary.BigEndian, 1, yield)
	case magicNanoSwapped:
		readPcap(br, binary.LittleEndian, 1, yield)
	default:
		yield(Record{}, fail("magic", fmt.Errorf("%#08x: %w", magic, ErrFormat)))
	}
}

// fail builds the error about the start of a file.
func fail(field string, err error) error {
	return &object.DecodeError{Layer: "capture", Field: field, Err: err}
}

// truncated turns the end of a stream within something into ErrTruncated, and
// leaves other errors alone.
func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends here: %w", object.ErrTruncated)
	}
	return err
}

func readPcapng(br *bufio.Reader, yield func(Record, error) bool) {
	r := pcapng.NewReader(br)
	for n := 1; ; n++ {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		rec := Record{LinkType: LinkType(p.Interface.LinkType), Number: n, OrigLen: p.OrigLen}
		rec.Data, rec.At, rec.Port, rec.Dir = p.Data, p.At, p.Interface.Name, p.Dir
		rec.setComment(p.Comment)
		if !yield(rec, nil) {
			return
		}
	}
}
