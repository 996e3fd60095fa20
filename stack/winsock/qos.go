package winsock

import (
	"encoding/binary"
	"fmt"
)

// FlowSpecLen is the length of a FLOWSPEC in memory.
const FlowSpecLen = 32

// QOSLen is the length of a QOS structure in memory, its provider-specific
// objects not included.
const QOSLen = 2*FlowSpecLen + 8

// FlowSpec is Winsock's FLOWSPEC: what one direction of a socket needs. Any
// member may be QOS_NOT_SPECIFIED.
type FlowSpec struct {
	TokenRate          uint32 // bytes per second
	TokenBucketSize    uint32 // bytes
	PeakBandwidth      uint32 // bytes per second
	Latency            uint32 // microseconds
	DelayVariation     uint32 // microseconds
	ServiceType        uint32 // SERVICETYPE_*, with SERVICE_NO_* added
	MaxSduSize         uint32 // bytes
	MinimumPolicedSize uint32 // bytes
}

// DefaultFlowSpec is a fresh socket's: nothing specified, nothing to change.
var DefaultFlowSpec = FlowSpec{
	QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED,
	QOS_NOT_SPECIFIED, SERVICETYPE_NOCHANGE, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED,
}

// NoTraffic is a flowspec for a direction without traffic.
var NoTraffic = FlowSpec{
	QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED,
	QOS_NOT_SPECIFIED, SERVICETYPE_NOTRAFFIC, QOS_NOT_SPECIFIED, QOS_NOT_SPECIFIED,
}

// Words returns the members in the order in which FLOWSPEC has them.
func (f FlowSpec) Words() [8]uint32 {
	return [8]uint32{f.TokenRate, f.TokenBucketSize, f.PeakBandwidth, f.Latency,
		f.DelayVariation, f.ServiceType, f.MaxSduSize, f.MinimumPolicedSize}
}

// FlowSpecOf returns the flowspec with the given members, in FLOWSPEC's order.
func FlowSpecOf(w [8]uint32) FlowSpec {
	return FlowSpec{w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]}
}

// AppendTo appends the 32 bytes of memory layout. It never fails.
func (f FlowSpec) AppendTo(b []byte) ([]byte, error) {
	for _, w := range f.Words() {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b, nil
}

// WireLen returns FlowSpecLen.
func (f FlowSpec) WireLen() int { return FlowSpecLen }

// ParseFlowSpec reads a FLOWSPEC in memory layout. Fewer than 32 bytes are
// WSAEFAULT.
func ParseFlowSpec(b []byte) (FlowSpec, []byte, error) {
	if len(b) < FlowSpecLen {
		return FlowSpec{}, b, fmt.Errorf("winsock: FLOWSPEC of %d bytes, needs %d: %w", len(b), FlowSpecLen, WSAEFAULT)
	}
	var w [8]uint32
	for i := range w {
		w[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return FlowSpecOf(w), b[FlowSpecLen:], nil
}

// String returns the members in FLOWSPEC's order, "-" for one not specified.
func (f FlowSpec) String() string {
	w := f.Words()
	s := "{"
	for i, v := range w {
		if i > 0 {
			s += " "
		}
		switch {
		case i == 5:
			s += ServiceTypeName(v)
		case v == QOS_NOT_SPECIFIED:
			s += "-"
		default:
			s += fmt.Sprint(v)
		}
	}
	return s + "}"
}

// QOS is Winsock's QOS structure: both directions, and provider-specific
// objects in their memory layout (see [ParseObject]).
type QOS struct {
	Sending          FlowSpec
	Receiving        FlowSpec
	ProviderSpecific []byte
}

// DefaultQOS is what a fresh socket has.
var DefaultQOS = QOS{Sending: DefaultFlowSpec, Receiving: DefaultFlowSpec}

// Clone returns q with provider-specific bytes of its own.
func (q QOS) Clone() QOS {
	q.ProviderSpecific = append([]byte(nil), q.ProviderSpecific...)
	return q
}

// WireLen returns the length that AppendTo needs.
func (q QOS) WireLen() int { return QOSLen + len(q.ProviderSpecific) }

// AppendTo appends the structure as SIO_GET_QOS returns it: both flowspecs,
// the WSABUF {len u32, buf u32}, then the provider-specific objects, to which
// buf points as an offset from the structure's first byte (0 where there are
// none). It never fails.
func (q QOS) AppendTo(b []byte) ([]byte, error) {
	b, _ = q.Sending.AppendTo(b)
	b, _ = q.Receiving.AppendTo(b)
	var offset uint32
	if len(q.ProviderSpecific) > 0 {
		offset = QOSLen
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(q.ProviderSpecific)))
	b = binary.LittleEndian.AppendUint32(b, offset)
	return append(b, q.ProviderSpecific...), nil
}

// ParseQOS reads a structure as AppendTo writes it. ProviderSpecific aliases
// b. A buffer shorter than the structure is WSAEFAULT, a WSABUF that leads
// outside of b is WSA_QOS_EPROVSPECBUF. The rest is what follows the objects.
func ParseQOS(b []byte) (QOS, []byte, error) {
	if len(b) < QOSLen {
		return QOS{}, b, fmt.Errorf("winsock: QOS of %d bytes, needs %d: %w", len(b), QOSLen, WSAEFAULT)
	}
	var q QOS
	q.Sending, _, _ = ParseFlowSpec(b)
	q.Receiving, _, _ = ParseFlowSpec(b[FlowSpecLen:])
	n := uint64(binary.LittleEndian.Uint32(b[2*FlowSpecLen:]))
	offset := uint64(binary.LittleEndian.Uint32(b[2*FlowSpecLen+4:]))
	if n == 0 {
		return q, b[QOSLen:], nil
	}
	if offset < QOSLen || offset+n > uint64(len(b)) {
		return QOS{}, b, fmt.Errorf("winsock: ProviderSpecific of %d bytes at %d in %d: %w", n, offset, len(b), WSA_QOS_EPROVSPECBUF)
	}
	q.ProviderSpecific = b[offset : offset+n : offset+n]
	return q, b[offset+n:], nil
}
