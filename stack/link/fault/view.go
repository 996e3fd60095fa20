package fault

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/wire/inet"
	"github.com/mpstack/mpstack/wire/mpj"
)

// view is what matchers look at: the outer layers, and the first bytes of the
// upper one.
type view struct {
	ether inet.EtherType // 0 where the frame does not decode
	proto int            // of IP; -1 where there is none
	upper []byte         // ARP or upper-layer bytes; empty in later fragments
}

// look decodes as far as it goes.
func look(frame []byte) view {
	v := view{proto: -1}
	h, payload, err := inet.ParseEthernet(frame)
	if err != nil {
		return v
	}
	switch h.Type {
	case inet.EtherTypeIPv4:
		v.ipv4(payload)
	case inet.EtherTypeIPv6:
		v.ipv6(payload)
	default:
		v.ether, v.upper = h.Type, payload
	}
	return v
}

func (v *view) ipv4(b []byte) {
	h, payload, err := inet.ParseIPv4(b)
	if err != nil {
		return
	}
	v.ether, v.proto = inet.EtherTypeIPv4, int(h.Proto)
	if h.FragOffset == 0 {
		v.upper = payload
	}
}

func (v *view) ipv6(b []byte) {
	h, payload, err := inet.ParseIPv6(b)
	if err != nil {
		return
	}
	v.ether, v.proto = inet.EtherTypeIPv6, int(h.NextHeader)
	if h.Fragment.Offset == 0 {
		v.upper = payload
	}
}

// byteAt returns upper[i], or -1.
func (v *view) byteAt(i int) int {
	if i >= len(v.upper) {
		return -1
	}
	return int(v.upper[i])
}

// wordAt returns the two bytes at i, or -1.
func (v *view) wordAt(i int) int {
	if i+2 > len(v.upper) {
		return -1
	}
	return int(binary.BigEndian.Uint16(v.upper[i:]))
}

func hasARPOp(v *view, op int) bool      { return v.wordAt(6) == op } // RFC 826: ar$op
func hasProto(v *view, proto int) bool   { return v.proto == proto }
func hasByte0(v *view, value int) bool   { return v.byteAt(0) == value }
func hasByte1(v *view, value int) bool   { return v.byteAt(1) == value }
func isUDP(v *view) bool                 { return v.proto == int(inet.ProtoUDP) }
func hasUDPPort(v *view, port int) bool  { return v.wordAt(0) == port || v.wordAt(2) == port }
func isMPJ(v *view) bool                 { return isUDP(v) && hasUDPPort(v, mpj.Port) }
func hasMPJType(v *view, value int) bool { return v.byteAt(udpLen+1) == value } // behind the version

// udpLen is the length of a UDP header.
const udpLen = 8

// isMLD reports an ICMPv6 message of multicast listener discovery.
func isMLD(v *view) bool {
	if v.proto != int(inet.ProtoICMPv6) {
		return false
	}
	switch v.byteAt(0) {
	case 130, 131, 132, 143:
		return true
	}
	return false
}
