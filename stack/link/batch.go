package link

import "github.com/mpstack/mpstack/wire"

// ChecksumState says what a link knows of the checksum of a received frame's
// transport layer: UDP's, TCP's or ICMPv6's. It says nothing of IPv4's header
// checksum, which is always there to be verified.
type ChecksumState uint8

// States of checksums.
const (
	// ChecksumComplete means that the frame holds one, right or wrong: verify
	// it. Links that know nothing say this.
	ChecksumComplete ChecksumState = iota
	// ChecksumPartial means that the sender, a kernel on the same machine,
	// left it to hardware that never came: what the frame holds is wrong by
	// intention. Do not verify.
	ChecksumPartial
	// ChecksumValid means that it is right: the kernel or the card verified
	// it, or it was computed on arrival.
	ChecksumValid
)

// String returns "complete", "partial" or "valid".
func (s ChecksumState) String() string {
	switch s {
	case ChecksumComplete:
		return "complete"
	case ChecksumPartial:
		return "partial"
	case ChecksumValid:
		return "valid"
	}
	return "unknown"
}

// FrameInfo is what a link says about a frame that it received.
type FrameInfo struct {
	Len      int // bytes of the buffer that the frame takes
	Checksum ChecksumState
}

// InfoReader is a Reader that knows more of a frame than its bytes. Call it
// through [RecvInfo], which takes any Reader.
type InfoReader interface {
	Reader
	// RecvInfo receives as Recv does.
	RecvInfo(buf []byte) (FrameInfo, error)
}

// BatchReader is a Reader that takes several frames with one call to the
// kernel. Call it through [RecvBatch], which takes any Reader.
type BatchReader interface {
	Reader
	// RecvBatch waits for one frame as Recv does, and takes with it what has
	// arrived already, as many frames as bufs and infos both hold, in the order
	// of arrival. Frame i is in the first infos[i].Len bytes of bufs[i].
	// Slices in bufs may have changed their places: give all the same length.
	RecvBatch(bufs [][]byte, infos []FrameInfo) (int, error)
}

// BatchLink is a Link that hands over several frames with one call to the
// kernel. Call it through [SendBatch], which takes any Link.
type BatchLink interface {
	Link
	// SendBatch sends the frames in order. One that fails is passed over: n
	// says how many were sent, err why the first of the others was not.
	SendBatch(frames []wire.Frame) (n int, err error)
}

// RecvInfo receives one frame from r. A reader that says nothing of checksums
// gives ChecksumComplete.
func RecvInfo(r Reader, buf []byte) (FrameInfo, error) {
	if ir, ok := r.(InfoReader); ok {
		return ir.RecvInfo(buf)
	}
	n, err := r.Recv(buf)
	return FrameInfo{Len: n}, err
}

// RecvBatch receives up to min(len(bufs), len(infos)) frames from r, at least
// one, as [BatchReader] says; a reader without batches gives one. Where there
// is no room for any it returns 0 at once.
func RecvBatch(r Reader, bufs [][]byte, infos []FrameInfo) (int, error) {
	if len(bufs) == 0 || len(infos) == 0 {
		return 0, nil
	}
	if br, ok := r.(BatchReader); ok {
		return br.RecvBatch(bufs, infos)
	}
	info, err := RecvInfo(r, bufs[0])
	if err != nil {
		return 0, err
	}
	infos[0] = info
	return 1, nil
}

// SendBatch sends frames on l, as [BatchLink] says; a link without batches
// sends them one by one.
func SendBatch(l Link, frames []wire.Frame) (n int, err error) {
	if bl, ok := l.(BatchLink); ok {
		return bl.SendBatch(frames)
	}
	for _, f := range frames {
		switch e := l.Send(f); {
		case e == nil:
			n++
		case err == nil:
			err = e
		}
	}
	return n, err
}
