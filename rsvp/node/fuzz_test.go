package node_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// record appends a message to a fuzz input: interface, seconds to wait, length,
// bytes.
func record(b []byte, inIf, wait byte, msg []byte) []byte {
	b = binary.BigEndian.AppendUint16(append(b, inIf, wait), uint16(len(msg)))
	return append(b, msg...)
}

// FuzzHandleMessage feeds a router, which also has a local sender and receiver,
// with arbitrary messages at arbitrary times: nothing panics, no limit is
// passed, time does not go back, what is sent decodes, and when the messages
// end, so does all that they caused.
func FuzzHandleMessage(f *testing.F) {
	for _, seed := range seedLogs() {
		f.Add(seed)
	}
	f.Fuzz(fuzzBody)
}

func fuzzBody(t *testing.T, b []byte) {
	n := nodetest.New(1)
	limits := node.Limits{Sessions: 8, Paths: 8, Reservations: 8, PathsPerSession: 4, ReservationsPerSession: 6, Neighbors: 4, Pending: 3}
	reduce := len(b)%2 == 1
	h := n.Host("R", nodetest.Router, func(c *node.Config) { c.Limits, c.TrafficControl, c.RefreshReduction = limits, true, reduce })
	h.Answer = func(r node.TCRequest) error {
		if r.ID%3 == 0 {
			return &node.TCError{Code: rsvp.CodeAdmission, Value: 2}
		}
		return nil
	}
	for _, a := range []string{"10.0.1.254", "10.0.2.254", "10.0.3.254", "10.0.4.254"} {
		h.Attach(n.Segment(), a)
	}
	a := register(t, h, group)
	h.Do(func(now machine.Time, x *node.Node) {
		x.Sender(now, a.id, node.SenderSpec{Src: port("10.0.1.254:9"), TSpec: tspec(1000)})
		x.Reserve(now, a.id, node.ReserveSpec{Style: rsvp.FF, Confirm: true, Flows: []node.FlowDescriptor{flow(load(1000), addr1)}})
	})
	for len(b) >= 4 {
		inIf, wait, size := int(b[0]%4)+1, b[1], min(int(binary.BigEndian.Uint16(b[2:])), len(b)-4)
		msg := append([]byte(nil), b[4:4+size]...)
		b = b[4+size:]
		if len(msg) >= rsvp.HeaderLen {
			msg[0], msg[2], msg[3] = 0x10, 0, 0
			binary.BigEndian.PutUint16(msg[6:], uint16(len(msg)))
		}
		h.Do(func(now machine.Time, x *node.Node) {
			x.HandleMessage(now, node.Incoming{InIf: inIf, Src: addr("10.0.1.1"), Dst: addr("10.0.1.254"), TTL: 64, Payload: msg})
		})
		n.RunFor(time.Duration(wait) * time.Second)
		c := h.Node.Counters()
		if c.Sessions > limits.Sessions || c.Paths > limits.Paths || c.Reservations > limits.Reservations {
			t.Fatalf("limits passed: %+v", c)
		}
		if d, ok := h.Node.Deadline(); ok && d < n.Now {
			t.Fatalf("a deadline in the past: %v at %v", d, n.Now)
		}
	}
	var m rsvp.Message
	for _, s := range n.Log {
		if s.Cause == node.CauseForward {
			continue
		}
		if err := m.Decode(s.Payload); err != nil && len(m.Unknown) == 0 {
			t.Fatalf("sent: %v: %v", s, err)
		}
	}
	a.release()
	n.Now = n.Now.Add(300 * 24 * time.Hour) // a refresh period has 32 bits of milliseconds
	h.Do(func(now machine.Time, x *node.Node) { x.Advance(now) })
	n.RunFor(10 * time.Second) // for acknowledgments of the tears
	if !h.Node.Quiet() {
		t.Fatalf("not quiet: %+v", h.Node.Snapshot(rsvp.Session{}, 10))
	}
}

// seedLogs returns what the router of Figure 4 receives in each style. The seeds
// are short, because the engine minimizes what it finds.
func seedLogs() (seeds [][]byte) {
	var t testing.T
	for _, style := range []rsvp.Style{rsvp.FF, rsvp.WF, rsvp.SE} {
		f := newFigure4(&t)
		filters := addr1 + " " + addr2
		switch {
		case style.Wildcard():
			filters = ""
		case style == rsvp.FF:
			filters = addr1
		}
		f.r1.confirm(style, flow(load(B), filters))
		f.r2.confirm(style, flow(load(2*B), filters))
		f.RunFor(time.Second)
		f.r1.unreserve()
		f.s1.unsend(addr1)
		f.s1.sender(addr1, B)
		f.RunFor(time.Second)
		var seed []byte
		for _, s := range f.Log {
			if in := map[string]byte{"S1": 0, "S2": 1, "S3": 1, "R1": 2, "R2": 3, "R3": 3}; s.From != "R" {
				seed = record(seed, in[s.From], 1, s.Payload)
			}
		}
		seeds = append(seeds, seed, append(slices.Clone(seed), 0))
	}
	ack := rsvp.Message{Type: rsvp.Ack, Flags: rsvp.RefreshReduction, Acks: []rsvp.MessageAck{{ID: 1}, {Nack: true, ID: 2}}}
	list := rsvp.IDList{CType: 1}
	list.Append(rsvp.IDEntry{ID: 1})
	refresh := rsvp.Message{Type: rsvp.Srefresh, Flags: rsvp.RefreshReduction, IDLists: []rsvp.IDList{list}}
	for _, m := range []rsvp.Message{ack, refresh} {
		msg, _ := m.AppendTo(nil)
		seeds = append(seeds, append(record(nil, 0, 1, msg), 0))
		bundle := rsvp.Message{Type: rsvp.Bundle, Bundled: append(slices.Clone(msg), msg...)}
		msg, _ = bundle.AppendTo(nil)
		seeds = append(seeds, append(record(nil, 0, 1, msg), 0))
	}
	return seeds
}
