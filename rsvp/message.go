package rsvp

import (
	"net/netip"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// FlowDescriptor is one element of a flow descriptor list (RFC 2205 section
// 3.1.4): a flowspec and the senders that it is for. FF has one filter in each;
// SE one descriptor with many filters; WF one without.
type FlowDescriptor struct {
	FlowSpec intserv.FlowSpec // zero: no FLOWSPEC, as a ResvTear may have it
	// Omitted: FF only; the FLOWSPEC object is left out because it equals the
	// one before, whose value FlowSpec repeats.
	Omitted bool
	Filters []FilterSpec
}

// Raw is an object that is kept as it is on the wire.
type Raw struct {
	object.Object
	Offset int // from the start of the message; set by Decode
}

// Message is one RSVP message of a type that RFC 2205 defines. Objects that are
// absent are zero values: an address that is not valid, TimeValues and Style 0,
// HasTSpec and HasAdSpec false.
type Message struct {
	Type       MessageType
	Flags      uint8 // 4 bits
	SendTTL    uint8 // IP TTL with which the message is sent
	NoChecksum bool  // the checksum field is 0, as INTEGRITY allows

	Session    Session
	Hop        Hop
	TimeValues TimeValues
	Error      ErrorSpec
	Confirm    netip.Addr   // RESV_CONFIRM: the receiver to be told
	HasScope   bool         // SCOPE is there, possibly empty
	Scope      []netip.Addr // senders
	Style      Style
	Flows      []FlowDescriptor

	Sender    SenderTemplate
	HasTSpec  bool
	TSpec     intserv.TSpec
	HasAdSpec bool
	AdSpec    intserv.AdSpec

	Integrity Raw   // Class is 0 where there is none
	Policy    []Raw // POLICY_DATA, in order
	Unknown   []Raw // NULL, and classes or C-Types that the registry does not name, in order

	// Of the message that Decode took: its objects in order, and the filters
	// behind Flows.
	received []slot
	filters  []FilterSpec
	spans    []span
	fresh    bool // a FLOWSPEC has come that no filter has used yet
	flow     intserv.FlowSpec
	hasFlow  bool
}

// slot is one received object: its class, and its place in the list for that
// class where several may come.
type slot struct {
	class Class
	raw   bool
	index int
}

// span is where the filters of one flow descriptor lie.
type span struct{ from, to int }

// Reset empties m and keeps its memory.
func (m *Message) Reset() {
	*m = Message{
		Scope: m.Scope[:0], Flows: m.Flows[:0], Policy: m.Policy[:0], Unknown: m.Unknown[:0],
		received: m.received[:0], filters: m.filters[:0], spans: m.spans[:0],
	}
}

// Has reports whether m holds an object of a typed class.
func (m *Message) Has(c Class) bool {
	switch c {
	case ClassSession:
		return m.Session.Dst.IsValid()
	case ClassHop:
		return m.Hop.Addr.IsValid()
	case ClassIntegrity:
		return m.Integrity.Class != 0
	case ClassTimeValues:
		return m.TimeValues != TimeValues{}
	case ClassErrorSpec:
		return m.Error.Node.IsValid()
	case ClassScope:
		return m.HasScope
	case ClassStyle:
		return m.Style != 0
	case ClassFlowSpec:
		return len(m.Flows) > 0 && !m.Flows[0].FlowSpec.IsZero()
	case ClassFilterSpec:
		return len(m.Flows) > 0 && len(m.Flows[0].Filters) > 0
	case ClassSenderTemplate:
		return m.Sender.IsValid()
	case ClassSenderTSpec:
		return m.HasTSpec
	case ClassAdSpec:
		return m.HasAdSpec
	case ClassPolicyData:
		return len(m.Policy) > 0
	case ClassResvConfirm:
		return m.Confirm.IsValid()
	}
	return false
}

// requiredClasses are the classes that some message requires, in the order in
// which a message lists them.
var requiredClasses = [...]Class{
	ClassSession, ClassHop, ClassTimeValues, ClassErrorSpec, ClassResvConfirm, ClassStyle, ClassSenderTemplate, ClassSenderTSpec,
}
