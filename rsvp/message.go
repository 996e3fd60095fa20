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

// Attached is an object that follows a FILTER_SPEC and belongs to it.
type Attached struct {
	Flow   int // index into Message.Flows
	Filter int // index into that descriptor's Filters
	Raw
}

// Message is one RSVP message. Objects that are absent are zero values: an
// address that is not valid, TimeValues and Style 0, Has… false, an empty list.
type Message struct {
	Type       MessageType
	Flags      uint8 // 4 bits: RefreshReduction
	SendTTL    uint8 // IP TTL with which the message is sent
	NoChecksum bool  // the checksum field is 0, as INTEGRITY allows

	Session    Session
	Hop        Hop
	HopTLVs    []byte // where Hop.IFID; aliases what was decoded
	TimeValues TimeValues
	Error      ErrorSpec
	ErrorTLVs  []byte       // where Error.IFID; aliases what was decoded
	Confirm    netip.Addr   // RESV_CONFIRM: the receiver to be told
	HasScope   bool         // SCOPE is there, possibly empty
	Scope      []netip.Addr // senders
	Style      Style
	Flows      []FlowDescriptor
	// Attached are objects that belong to a filter in Flows and follow it: LABEL
	// and RECORD_ROUTE (RFC 3209 section 3.2). They are in order of Flow, then of
	// Filter.
	Attached []Attached

	Sender    SenderTemplate
	HasTSpec  bool // of a token bucket
	TSpec     intserv.TSpec
	NullTSpec NullTSpec
	HasAdSpec bool
	AdSpec    intserv.AdSpec
	DClass    []uint8 // DSCPs

	Integrity    Integrity // there where Digest is not empty
	HasChallenge bool
	Challenge    Challenge

	Acks         []MessageAck // MESSAGE_ID_ACK and MESSAGE_ID_NACK, in order
	HasMessageID bool
	MessageID    MessageID
	IDLists      []IDList

	Hello HelloObject // there where Src is not 0

	Diag       DiagHeader // there where LastHop is valid
	DiagSelect []DiagSelect
	Route      DiagRoute
	Responses  []DiagResponse

	// Bundled has the sub-messages of a Bundle, one after the other, each whole
	// with its header. It aliases what was decoded; SubMessages splits it.
	Bundled []byte

	Policy []Raw // POLICY_DATA, in order; ParsePolicyData reads them
	// Other has the objects of classes that the registry checks but that have no
	// field here (ClassInfo.Kept), in order; the Parse function of their class
	// reads them. Those that follow a FILTER_SPEC are in Attached instead. In a
	// Notify, everything from the first SESSION on is here.
	Other []Raw
	// Unknown has NULL objects, and classes or C-Types that the registry does not
	// name, in order.
	Unknown []Raw

	// Of the message that Decode took: its objects in order, and what lies
	// behind Flows.
	received []Received
	filters  []FilterSpec
	first    int    // where the last flow descriptor begins in filters
	objects  []byte // all of them; aliases what was decoded
	attach   bool   // the last object of the flow descriptors was a filter
	fresh    bool   // a FLOWSPEC has come that no filter has used yet
	flow     intserv.FlowSpec
	hasFlow  bool
	labels   uint8 // C-Type of the labels that came
}

// Received names one object of a message that was decoded.
type Received struct {
	Class  Class
	CType  uint8
	list   list
	Offset uint16 // from the start of the message
	index  uint16 // in its list
}

// list says where a received object's contents are.
type list uint8

const (
	inField list = iota // the field of its class
	inUnknown
	inPolicy
	inOther
	inAttached
)

// Reset empties m and keeps its memory.
func (m *Message) Reset() {
	*m = Message{
		Scope: m.Scope[:0], Flows: m.Flows[:0], Policy: m.Policy[:0], Other: m.Other[:0], Unknown: m.Unknown[:0],
		DClass: m.DClass[:0], Acks: m.Acks[:0], IDLists: m.IDLists[:0], DiagSelect: m.DiagSelect[:0], Responses: m.Responses[:0],
		Route:    DiagRoute{Nodes: m.Route.Nodes[:0]},
		Attached: m.Attached[:0], received: m.received[:0], filters: m.filters[:0],
	}
}

// Received returns the objects of the message that Decode took, in order. The
// list is valid until the next call of Decode or Reset.
func (m *Message) Received() []Received { return m.received }

// Has reports whether m holds an object of a class that has a field.
func (m *Message) Has(c Class) bool {
	switch c {
	case ClassSession:
		return m.Session.Dst.IsValid()
	case ClassHop:
		return m.Hop.Addr.IsValid()
	case ClassIntegrity:
		return len(m.Integrity.Digest) > 0
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
		return m.HasTSpec || m.NullTSpec.Present
	case ClassAdSpec:
		return m.HasAdSpec
	case ClassPolicyData:
		return len(m.Policy) > 0
	case ClassResvConfirm:
		return m.Confirm.IsValid()
	}
	return m.hasMore(c)
}

// hasMore is Has for what extends RFC 2205.
func (m *Message) hasMore(c Class) bool {
	switch c {
	case ClassHello:
		return m.Hello.Src != 0
	case ClassMessageID:
		return m.HasMessageID
	case ClassMessageIDAck:
		return len(m.Acks) > 0
	case ClassMessageIDList:
		return len(m.IDLists) > 0
	case ClassDiagnostic:
		return m.Diag.LastHop.IsValid()
	case ClassRoute:
		return m.Route.Present
	case ClassDiagResponse:
		return len(m.Responses) > 0
	case ClassDiagSelect:
		return len(m.DiagSelect) > 0
	case ClassChallenge:
		return m.HasChallenge
	case ClassDClass:
		return len(m.DClass) > 0
	}
	return false
}

// OtherOf returns the first object of a class in Other.
func (m *Message) OtherOf(c Class) (Raw, bool) {
	for _, o := range m.Other {
		if Class(o.Class) == c {
			return o, true
		}
	}
	return Raw{}, false
}

// requiredClasses are the classes that some message requires, in the order in
// which a message lists them.
var requiredClasses = [...]Class{
	ClassIntegrity, ClassMessageIDAck, ClassSession, ClassHop, ClassTimeValues, ClassErrorSpec, ClassResvConfirm, ClassStyle,
	ClassSenderTemplate, ClassSenderTSpec, ClassChallenge, ClassDiagnostic, ClassHello, ClassMessageIDList,
}
