package afpacket

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/wire/inet"
)

// vnetLen is the length of struct virtio_net_hdr of <linux/virtio_net.h>.
const vnetLen = 10

// vnetHeader says what a kernel left to do about a frame.
type vnetHeader struct {
	flags     uint8
	gso       uint8  // kind of super-frame; 0 is none
	csumStart uint16 // what the checksum covers begins here and lasts to the frame's end
	csumField uint16 // place of the checksum behind csumStart
}

// parseVnet reads a header in the machine's byte order, as the kernel writes
// it for packet sockets.
func parseVnet(b *[vnetLen]byte) vnetHeader {
	return vnetHeader{
		flags:     b[0],
		gso:       b[1], // hdr_len and gso_size follow
		csumStart: binary.NativeEndian.Uint16(b[6:]),
		csumField: binary.NativeEndian.Uint16(b[8:]),
	}
}

// super reports whether the frame stands for several.
func (h vnetHeader) super() bool { return h.gso != unix.VIRTIO_NET_HDR_GSO_NONE }

// checksum returns the state of the frame's checksum.
func (h vnetHeader) checksum() link.ChecksumState {
	switch {
	case h.flags&unix.VIRTIO_NET_HDR_F_NEEDS_CSUM != 0:
		return link.ChecksumPartial
	case h.flags&unix.VIRTIO_NET_HDR_F_DATA_VALID != 0:
		return link.ChecksumValid
	}
	return link.ChecksumComplete
}

// complete does what the sender left to hardware: the field holds the sum of
// the pseudo-header, to which that of the rest is added. A result of 0 is
// written as its other form, which UDP needs and everyone takes. It reports
// false, and changes nothing, where the frame does not hold the field.
func (h vnetHeader) complete(frame []byte) bool {
	start := int(h.csumStart)
	field := start + int(h.csumField)
	if field+2 > len(frame) {
		return false
	}
	sum := inet.Checksum(frame[start:], 0)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(frame[field:], sum)
	return true
}
