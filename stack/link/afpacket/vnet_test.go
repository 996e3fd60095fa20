package afpacket

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mpstack/mpstack/stack/link"
	"github.com/mpstack/mpstack/stack/link/internal/nic"
	"github.com/mpstack/mpstack/wire/inet"
)

// vnet is a header as the kernel writes it.
func vnet(flags, gso uint8, start, field uint16) (b [vnetLen]byte) {
	b[0], b[1] = flags, gso
	binary.NativeEndian.PutUint16(b[2:], 0xaaaa) // hdr_len
	binary.NativeEndian.PutUint16(b[4:], 0xbbbb) // gso_size
	binary.NativeEndian.PutUint16(b[6:], start)
	binary.NativeEndian.PutUint16(b[8:], field)
	return b
}

func TestVnetHeader(t *testing.T) {
	for _, tt := range []struct {
		name  string
		b     [vnetLen]byte
		super bool
		want  link.ChecksumState
	}{
		{"nothing said", vnet(0, 0, 0, 0), false, link.ChecksumComplete},
		{"needs checksum", vnet(unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, 0, 34, 6), false, link.ChecksumPartial},
		{"verified", vnet(unix.VIRTIO_NET_HDR_F_DATA_VALID, 0, 0, 0), false, link.ChecksumValid},
		{"TCP segments", vnet(unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, unix.VIRTIO_NET_HDR_GSO_TCPV4, 34, 16), true, link.ChecksumPartial},
		{"UDP segments", vnet(unix.VIRTIO_NET_HDR_F_NEEDS_CSUM, unix.VIRTIO_NET_HDR_GSO_UDP_L4, 34, 6), true, link.ChecksumPartial},
		{"TCP with ECN", vnet(0, unix.VIRTIO_NET_HDR_GSO_TCPV6|unix.VIRTIO_NET_HDR_GSO_ECN, 0, 0), true, link.ChecksumComplete},
	} {
		h := parseVnet(&tt.b)
		if h.super() != tt.super || h.checksum() != tt.want {
			t.Errorf("%s: super-frame %v, checksum %s", tt.name, h.super(), h.checksum())
		}
	}
	b := vnet(1, 2, 0x1234, 0x5678)
	if h := parseVnet(&b); h != (vnetHeader{flags: 1, gso: 2, csumStart: 0x1234, csumField: 0x5678}) {
		t.Errorf("%+v", h)
	}
}

// partial is a frame with a UDP datagram whose checksum is left to hardware,
// and what is to become of it.
func partial(t testing.TB, src, dst string, data []byte) (frame, want []byte, h vnetHeader) {
	t.Helper()
	s, d := netip.MustParseAddr(src), netip.MustParseAddr(dst)
	datagram, err := inet.UDP{SrcPort: 1000, DstPort: 2000}.AppendTo(nil, s, d, data)
	if err != nil {
		t.Fatal(err)
	}
	eth := inet.Ethernet{Dst: inet.MAC{2, 2}, Src: inet.MAC{2, 1}, Type: inet.EtherTypeIPv6}
	if s.Is4() {
		eth.Type = inet.EtherTypeIPv4
		want, err = inet.IPv4{TTL: 1, Proto: inet.ProtoUDP, Src: s, Dst: d}.AppendTo(eth.AppendTo(nil), len(datagram))
	} else {
		want, err = inet.IPv6{HopLimit: 1, NextHeader: inet.ProtoUDP, Src: s, Dst: d, RouterAlert: true}.AppendTo(eth.AppendTo(nil), len(datagram))
	}
	if err != nil {
		t.Fatal(err)
	}
	h = vnetHeader{csumStart: uint16(len(want)), csumField: 6}
	want = append(want, datagram...)
	frame = bytes.Clone(want)
	pseudo := ^inet.Checksum(nil, inet.PseudoHeaderSum(s, d, inet.ProtoUDP, len(datagram)))
	binary.BigEndian.PutUint16(frame[int(h.csumStart)+6:], pseudo)
	return frame, want, h
}

func TestComplete(t *testing.T) {
	for _, pair := range [][2]string{{"192.0.2.1", "232.1.2.3"}, {"2001:db8::1", "ff3e::8000:1"}} {
		for _, data := range [][]byte{nil, {1}, []byte("even"), []byte("odd"), bytes.Repeat([]byte{0xff}, 1001)} {
			frame, want, h := partial(t, pair[0], pair[1], data)
			if !h.complete(frame) || !bytes.Equal(frame, want) {
				t.Errorf("from %s, %d bytes:\n%x, want\n%x", pair[0], len(data), frame, want)
			}
		}
	}
}

// UDP has no checksum 0: its other form is written.
func TestCompleteZero(t *testing.T) {
	frame, want, h := partial(t, "192.0.2.1", "232.1.2.3", []byte{0, 0})
	last := len(frame) - 2
	// the last word takes what makes the whole sum 0xffff
	binary.BigEndian.PutUint16(frame[last:], binary.BigEndian.Uint16(want[h.csumStart+6:]))
	if !h.complete(frame) {
		t.Fatal("not completed")
	}
	if got := binary.BigEndian.Uint16(frame[h.csumStart+6:]); got != 0xffff {
		t.Errorf("the checksum is %#04x", got)
	}
}

func TestCompleteOutside(t *testing.T) {
	frame := bytes.Repeat([]byte{7}, 60)
	for _, h := range []vnetHeader{
		{csumStart: 60}, {csumStart: 59}, {csumStart: 0xffff, csumField: 0xffff}, {csumField: 59}, {csumStart: 30, csumField: 29},
	} {
		if h.complete(frame) || !bytes.Equal(frame, bytes.Repeat([]byte{7}, 60)) {
			t.Errorf("%+v is completed: %x", h, frame)
		}
	}
	if h := (vnetHeader{csumStart: 30, csumField: 28}); !h.complete(frame) {
		t.Error("the last place of the frame is refused")
	}
}

// aux is a control message with the auxdata of a frame.
func aux(level, typ int32, status uint32, tci, tpid uint16) []byte {
	b := make([]byte, unix.CmsgSpace(20))
	at := unix.CmsgLen(0)
	if at == 16 {
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(20)))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(unix.CmsgLen(20)))
	}
	binary.NativeEndian.PutUint32(b[at-8:], uint32(level))
	binary.NativeEndian.PutUint32(b[at-4:], uint32(typ))
	binary.NativeEndian.PutUint32(b[at:], status)
	binary.NativeEndian.PutUint16(b[at+16:], tci)
	binary.NativeEndian.PutUint16(b[at+18:], tpid)
	return b
}

func TestAuxTag(t *testing.T) {
	const valid, tpid = unix.TP_STATUS_VLAN_VALID, unix.TP_STATUS_VLAN_TPID_VALID
	for _, tt := range []struct {
		name string
		b    []byte
		want inet.Tag
	}{
		{"QinQ", aux(unix.SOL_PACKET, unix.PACKET_AUXDATA, valid|tpid, 0xe005, 0x88a8), inet.Tag{Type: 0x88a8, TCI: 0xe005}},
		{"no type said", aux(unix.SOL_PACKET, unix.PACKET_AUXDATA, valid, 5, 0), inet.Tag{Type: 0x8100, TCI: 5}},
		{"priority alone", aux(unix.SOL_PACKET, unix.PACKET_AUXDATA, valid|tpid, 0, 0x8100), inet.Tag{Type: 0x8100}},
		{"no tag", aux(unix.SOL_PACKET, unix.PACKET_AUXDATA, unix.TP_STATUS_USER, 0, 0), inet.Tag{}},
		{"another message", aux(unix.SOL_PACKET, unix.PACKET_STATISTICS, valid, 5, 0), inet.Tag{}},
		{"another level", aux(unix.SOL_SOCKET, unix.PACKET_AUXDATA, valid, 5, 0), inet.Tag{}},
		{"cut", aux(unix.SOL_PACKET, unix.PACKET_AUXDATA, valid, 5, 0)[:20], inet.Tag{}},
		{"none", nil, inet.Tag{}},
	} {
		got, ok := auxTag(tt.b)
		if got != tt.want || ok != (tt.want.Type != 0) {
			t.Errorf("%s: %+v, %v", tt.name, got, ok)
		}
	}
}

func TestInsertTag(t *testing.T) {
	for _, n := range []int{14, 15, 60} {
		h := inet.Ethernet{Dst: inet.MAC{1}, Src: inet.MAC{2}, Type: inet.EtherTypeIPv6}
		b := append(h.AppendTo(nil), bytes.Repeat([]byte{9}, n-14)...)
		h.Tags[0] = inet.Tag{Type: inet.EtherTypeQinQ, TCI: 0xa00b}
		want := append(h.AppendTo(nil), b[14:]...)
		b = append(b, make([]byte, nic.VLANTag)...)
		insertTag(b, h.Tags[0])
		if !bytes.Equal(b, want) {
			t.Errorf("%d bytes: %x, want %x", n, b, want)
		}
	}
}

// Whatever the kernel says, nothing outside the frame is touched, and a
// completed checksum is right.
func FuzzComplete(f *testing.F) {
	f.Add([]byte("some frame of some bytes"), uint16(4), uint16(6))
	f.Add([]byte{}, uint16(0), uint16(0))
	f.Add(make([]byte, 60), uint16(0xffff), uint16(0xffff))
	f.Fuzz(func(t *testing.T, frame []byte, start, field uint16) {
		room := append(bytes.Clone(frame), 0x5a, 0x5a)
		b := room[:len(frame)]
		h := vnetHeader{csumStart: start, csumField: field}
		done := h.complete(b)
		if room[len(frame)] != 0x5a || room[len(frame)+1] != 0x5a {
			t.Fatal("it writes behind the frame")
		}
		at := int(start) + int(field)
		if done != (at+2 <= len(frame)) {
			t.Fatalf("completed: %v", done)
		}
		if !done {
			if !bytes.Equal(b, frame) {
				t.Fatal("it writes to a frame that it does not complete")
			}
			return
		}
		copy(frame[at:], b[at:at+2])
		if !bytes.Equal(b, frame) {
			t.Fatal("it writes beside the field")
		}
	})
}
