package scenario

import "encoding/binary"

// Datagrams that scenarios send begin with a header of 16 bytes, big-endian:
// "MPSD", the sending socket's number u32, the sequence number u32 from 1,
// zero u32. The rest repeats the bytes 0 to 255.
const (
	payloadMagic  = 0x4d505344
	payloadHeader = 16
)

// appendPayload appends the datagram seq of a socket, size bytes long.
func appendPayload(b []byte, socket, seq uint32, size int) []byte {
	b = binary.BigEndian.AppendUint32(b, payloadMagic)
	b = binary.BigEndian.AppendUint32(b, socket)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, 0)
	for i := payloadHeader; i < size; i++ {
		b = append(b, byte(i))
	}
	return b
}

// parsePayload returns the sender's number and the sequence number; ok is
// false for a datagram that no scenario sent, or that was changed.
func parsePayload(b []byte) (socket, seq uint32, ok bool) {
	if len(b) < payloadHeader || binary.BigEndian.Uint32(b) != payloadMagic || binary.BigEndian.Uint32(b[12:]) != 0 {
		return 0, 0, false
	}
	for i := payloadHeader; i < len(b); i++ {
		if b[i] != byte(i) {
			return 0, 0, false
		}
	}
	seq = binary.BigEndian.Uint32(b[8:])
	return binary.BigEndian.Uint32(b[4:]), seq, seq != 0
}

// Tally counts the datagrams that a socket received.
type Tally struct {
	Received   int // different datagrams
	Duplicated int // datagrams received again
	Lost       int // gaps in what came, from the first to the last of each sender
	Foreign    int // datagrams that no socket of the scenario sent

	streams []stream
}

// stream is what came from one sender: a bit for each sequence number.
type stream struct {
	socket      uint32
	first, last uint32
	count       int
	seen        []uint64
}

// put counts one datagram.
func (t *Tally) put(b []byte) {
	socket, seq, ok := parsePayload(b)
	if !ok || seq > maxCount {
		t.Foreign++
		return
	}
	s := t.stream(socket)
	if !s.put(seq) {
		t.Duplicated++
		return
	}
	t.Received++
	t.Lost = 0
	for i := range t.streams {
		s := &t.streams[i]
		t.Lost += int(s.last-s.first) + 1 - s.count
	}
}

func (t *Tally) stream(socket uint32) *stream {
	for i := range t.streams {
		if t.streams[i].socket == socket {
			return &t.streams[i]
		}
	}
	t.streams = append(t.streams, stream{socket: socket})
	return &t.streams[len(t.streams)-1]
}

// put notes seq and reports whether it is new.
func (s *stream) put(seq uint32) bool {
	word, bit := int(seq/64), uint64(1)<<(seq%64)
	for len(s.seen) <= word {
		s.seen = append(s.seen, 0)
	}
	if s.seen[word]&bit != 0 {
		return false
	}
	s.seen[word] |= bit
	if s.count == 0 {
		s.first, s.last = seq, seq
	}
	s.first, s.last = min(s.first, seq), max(s.last, seq)
	s.count++
	return true
}
