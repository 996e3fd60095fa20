package node_test

import (
	"slices"
	"testing"
	"time"

	"github.com/mpstack/mpstack/internal/machine"
	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
	"github.com/mpstack/mpstack/rsvp/node"
	"github.com/mpstack/mpstack/rsvp/node/nodetest"
)

// guarded is the line of three with a key for each interface that sends, known to
// all verifiers.
type guarded struct {
	*line
	verifiers map[*nodetest.Host]*auth.Verifier
	signers   map[string]*auth.Signer // by address
	keys      map[string]*auth.Key
}

func newGuarded(t *testing.T, policy auth.Policy, shakes auth.Handshakes, change ...func(*node.Config)) *guarded {
	t.Helper()
	g := &guarded{verifiers: map[*nodetest.Host]*auth.Verifier{}, signers: map[string]*auth.Signer{}, keys: map[string]*auth.Key{}}
	n := nodetest.New(1)
	host := func(name string, kind nodetest.Kind) *nodetest.Host {
		v := auth.NewVerifier(auth.VerifierConfig{Node: name, Entropy: machine.SeededEntropy(1, name, "auth"), Handshakes: shakes})
		h := n.Host(name, kind, func(c *node.Config) {
			c.Verifier = v
			for _, f := range change {
				f(c)
			}
		})
		g.verifiers[h] = v
		return h
	}
	l := &line{Net: n, S: host("S", nodetest.EndHost), R: host("R", nodetest.Router), D: host("D", nodetest.EndHost)}
	g.line = l
	a, b := n.Segment(), n.Segment()
	for i, x := range []struct {
		h    *nodetest.Host
		s    *nodetest.Segment
		addr string
	}{{l.S, a, "10.0.1.1"}, {l.R, b, "10.0.2.254"}, {l.R, a, "10.0.1.254"}, {l.D, b, "10.0.2.1"}} {
		index := x.h.Attach(x.s, x.addr)
		k, err := auth.NewKey(auth.KeySpec{ID: uint64(i + 1), Algorithm: auth.HMACSHA256, Secret: []byte(x.addr)})
		if err != nil {
			t.Fatal(err)
		}
		s := auth.NewSigner(auth.SignerConfig{Handshake: shakes != auth.Never})
		if err := s.AddKey(k); err != nil {
			t.Fatal(err)
		}
		g.signers[x.addr], g.keys[x.addr] = s, k
		for _, h := range n.Hosts {
			if err := g.verifiers[h].AddKey(addr(x.addr), k); err != nil {
				t.Fatal(err)
			}
		}
		x.h.Do(func(now machine.Time, n *node.Node) {
			n.Configure(now, node.Interface{Index: index, Auth: policy, Signer: s})
		})
	}
	l.s, l.d = register(t, l.S, lineDst), register(t, l.D, lineDst)
	return g
}

// TestIntegrityLine: with every interface secured, a reservation is made,
// confirmed and torn down; each message is signed with the key of the interface
// that it left through.
func TestIntegrityLine(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Never)
	g.s.sender(lineSrc, 1000)
	g.RunFor(time.Second)
	g.d.confirm(rsvp.FF, flow(load(1000), lineSrc))
	g.RunFor(time.Second)
	expect(t, "sender", []string{state(g.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	if len(g.D.Events(node.ResvConfirm)) != 1 {
		t.Error("not confirmed")
	}
	g.d.unreserve()
	g.RunFor(time.Second)
	g.s.unsend(lineSrc)
	g.RunFor(time.Second)
	types := map[rsvp.MessageType]int{}
	for _, s := range g.Log {
		var m rsvp.Message
		if err := m.Decode(s.Payload); err != nil {
			t.Fatal(err)
		}
		types[m.Type]++
		ours := map[string][]string{"S": {"10.0.1.1"}, "R": {"10.0.2.254", "10.0.1.254"}, "D": {"10.0.2.1"}}[s.From]
		good := slices.ContainsFunc(ours, func(a string) bool { return auth.VerifyRSVP(g.keys[a], s.Payload) })
		if !good || !m.NoChecksum || m.Hop.Addr.IsValid() && !auth.VerifyRSVP(g.keys[m.Hop.Addr.String()], s.Payload) {
			t.Errorf("%v is not signed by %s: %v", m.Type, s.From, m.Integrity)
		}
	}
	for _, typ := range []rsvp.MessageType{rsvp.Path, rsvp.Resv, rsvp.ResvConf, rsvp.ResvTear, rsvp.PathTear} {
		if types[typ] < 2 {
			t.Errorf("%d of %v", types[typ], typ)
		}
	}
	noDrops(t, g.Net)
	finish(t, g.Net, g.s, g.d)
}

// TestIntegrityRefuses: what is not signed, changed or old has no effect, and is
// not answered.
func TestIntegrityRefuses(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Never)
	g.s.sender(lineSrc, 1000)
	g.RunFor(time.Second)
	var signed []byte
	for _, s := range g.Log {
		if s.From == "S" {
			signed = slices.Clone(s.Payload)
		}
	}
	tear := rsvp.Message{Type: rsvp.PathTear, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000},
		Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	unknown := tear
	unknown.Type, unknown.TimeValues.RefreshMS = rsvp.Path, 30000
	unknown.Unknown = []rsvp.Raw{{}}
	unknown.Unknown[0].Class = 99
	forged := slices.Clone(signed)
	forged[40] ^= 1 // in the digest
	give := func(b []byte) {
		g.R.Do(func(now machine.Time, n *node.Node) {
			n.HandleMessage(now, node.Incoming{InIf: 2, Src: addr("10.0.1.1"), Dst: addr("10.0.2.1"), TTL: 64, RouterAlert: true, Payload: b})
		})
	}
	g.Log = nil
	before := state(g.R)
	inject(t, g.R, 2, "10.0.1.1", "10.0.2.1", tear)
	inject(t, g.R, 2, "10.0.1.1", "10.0.2.1", unknown)
	give(signed)
	give(forged)
	if state(g.R) != before || len(g.Log) != 0 {
		t.Errorf("%s, %v", state(g.R), g.Log)
	}
	if c := g.R.Node.Counters(); c.Drops[node.DropUnsigned] != 2 || c.Drops[node.DropIntegrity] != 2 {
		t.Errorf("%v", c.Drops)
	}
	v := g.verifiers[g.R].Counters()
	if v.Verdicts[auth.Replayed] != 1 || v.Verdicts[auth.BadDigest] != 1 {
		t.Errorf("%+v", v)
	}
	finish(t, g.Net, g.s, g.d)
}

// TestIntegrityPolicies: accept takes unsigned messages but no wrong ones; off
// takes both and does not sign.
func TestIntegrityPolicies(t *testing.T) {
	path := rsvp.Message{Type: rsvp.Path, Session: rsvp.Session{Dst: addr("10.0.2.1"), Proto: 17, DstPort: 5000}, Hop: rsvp.Hop{Addr: addr("10.0.1.1"), LIH: 1},
		TimeValues: rsvp.TimeValues{RefreshMS: 30000}, Sender: rsvp.NewFilterSpec(port(lineSrc)), HasTSpec: true, TSpec: tspec(1000)}
	wrong := path
	wrong.Integrity, wrong.NoChecksum = rsvp.Integrity{KeyID: 1, Sequence: 1, Digest: make([]byte, 32)}, true
	for _, tc := range []struct {
		policy          auth.Policy
		unsigned, wrong int // paths that are there after each
		signs           bool
	}{{auth.Off, 1, 1, false}, {auth.Accept, 1, 0, true}, {auth.Require, 0, 0, true}} {
		for i, m := range []rsvp.Message{path, wrong} {
			g := newGuarded(t, tc.policy, auth.Never)
			inject(t, g.R, 2, "10.0.1.1", "10.0.2.1", m)
			if got, want := g.R.Node.Counters().Paths, []int{tc.unsigned, tc.wrong}[i]; got != want {
				t.Errorf("%v, message %d: %d paths, want %d", tc.policy, i, got, want)
			}
			g.s.sender("10.0.1.1:9", 1000)
			var out rsvp.Message
			if err := out.Decode(g.Log[len(g.Log)-1].Payload); err != nil || out.Has(rsvp.ClassIntegrity) != tc.signs {
				t.Errorf("%v: signs %v, %v", tc.policy, out.Has(rsvp.ClassIntegrity), err)
			}
		}
	}
}

// TestIntegrityHandshake: with willing neighbors, each receiver challenges each
// sender once; messages that came before the answer are made good by the next
// refresh, or at once where refreshes are staged.
func TestIntegrityHandshake(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Willing)
	g.s.sender(lineSrc, 1000)
	g.RunFor(2 * time.Minute)
	g.d.reserve(rsvp.FF, flow(load(1000), lineSrc))
	g.RunFor(2 * time.Minute)
	expect(t, "sender", []string{state(g.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	count := map[rsvp.MessageType]int{}
	for _, s := range g.Log {
		count[rsvp.MessageType(s.Payload[1])]++
		if typ := rsvp.MessageType(s.Payload[1]); typ == rsvp.IntegrityChallenge && (s.TTL != 255 || s.RouterAlert || s.Cause != auth.CauseChallenge) {
			t.Errorf("%+v", s)
		}
	}
	if count[rsvp.IntegrityChallenge] != 4 || count[rsvp.IntegrityResponse] != 4 {
		t.Errorf("%v", count)
	}
	finish(t, g.Net, g.s, g.d)
}

// TestIntegrityRestart: a receiver that lost its sequence numbers takes no replay:
// it asks first.
func TestIntegrityRestart(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Willing)
	g.s.sender(lineSrc, 1000)
	g.RunFor(2 * time.Minute)
	old := slices.Clone(g.Log)
	g.Log = nil
	// R starts anew, with the same keys.
	v := auth.NewVerifier(auth.VerifierConfig{Entropy: machine.SeededEntropy(2, "R", "auth")})
	for a, k := range g.keys {
		if err := v.AddKey(addr(a), k); err != nil {
			t.Fatal(err)
		}
	}
	fresh := node.New(node.Config{Node: "R", Rand: machine.Rand(2, "R", "rsvp"), Router: true, Routes: through{}, Verifier: v})
	fresh.Configure(g.Now, node.Interface{Index: 2, Auth: auth.Require, Signer: g.signers["10.0.1.254"]})
	for _, s := range old {
		if s.From == "S" && rsvp.MessageType(s.Payload[1]) == rsvp.Path {
			fresh.HandleMessage(g.Now, node.Incoming{InIf: 2, Src: addr("10.0.1.1"), Dst: addr("10.0.2.1"), TTL: 64, RouterAlert: true, Payload: s.Payload})
		}
	}
	if c := fresh.Counters(); c.Paths != 0 || v.Counters().Verdicts[auth.Awaiting] < 2 || c.Sent[rsvp.IntegrityChallenge] != 1 {
		t.Errorf("%+v", c)
	}
	if d, ok := fresh.Deadline(); !ok || d != g.Now.Add(auth.DefaultRetry) || fresh.Quiet() {
		t.Errorf("deadline %v", d)
	}
	fresh.Advance(g.Now.Add(auth.DefaultRetry))
	if c := fresh.Counters(); c.Sent[rsvp.IntegrityChallenge] != 2 {
		t.Errorf("%+v", c)
	}
	finish(t, g.Net, g.s, g.d)
}

// TestIntegrityNoKey: without a key nothing goes out unsigned, and challenges are
// not answered; a node without a secured interface knows neither.
func TestIntegrityNoKey(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Never)
	if err := g.signers["10.0.1.1"].DeleteKey(1); err != nil {
		t.Fatal(err)
	}
	g.s.sender(lineSrc, 1000)
	challenge := rsvp.Message{Type: rsvp.IntegrityChallenge, HasChallenge: true, Challenge: rsvp.Challenge{KeyID: 1}}
	inject(t, g.S, 1, "10.0.1.254", "10.0.1.1", challenge)
	if c := g.S.Node.Counters(); len(g.Log) != 0 || c.Drops[node.DropNoSigningKey] != 2 {
		t.Errorf("%v %v", g.Log, c.Drops)
	}
	l := newLine(t, nil)
	inject(t, l.R, 2, "10.0.1.1", "10.0.1.254", challenge)
	if c := l.R.Node.Counters(); c.Drops[node.DropType] != 1 || len(l.Log) != 0 {
		t.Errorf("%v", c.Drops)
	}
	g.R.Do(func(now machine.Time, n *node.Node) { n.Configure(now, node.Interface{Index: 2}) })
	inject(t, g.R, 2, "10.0.1.1", "10.0.1.254", challenge)
	if c := g.R.Node.Counters(); c.Drops[node.DropType] != 1 {
		t.Errorf("%v", c.Drops)
	}
}

// TestIntegrityRollover: keys change during a session; no refresh is lost for
// good, and no reservation.
func TestIntegrityRollover(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Never)
	g.s.sender(lineSrc, 1000)
	g.RunFor(time.Second)
	g.d.reserve(rsvp.FF, flow(load(1000), lineSrc))
	g.RunFor(time.Second)
	for a, s := range g.signers {
		k, err := auth.NewKey(auth.KeySpec{ID: 100 + s.Keys()[0].ID(), Algorithm: auth.HMACMD5, Secret: []byte("next " + a), From: g.Now.Add(time.Minute)})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.AddKey(k); err != nil {
			t.Fatal(err)
		}
		for _, v := range g.verifiers {
			if err := v.AddKey(addr(a), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.RunFor(10 * time.Minute)
	expect(t, "sender", []string{state(g.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	var m rsvp.Message
	if err := m.Decode(g.Log[len(g.Log)-1].Payload); err != nil || m.Integrity.KeyID < 100 {
		t.Errorf("%v %v", err, m.Integrity)
	}
	noDrops(t, g.Net)
	finish(t, g.Net, g.s, g.d)
}

// TestIntegrityReduction: acknowledgments, summaries, what is sent again and what
// is in Bundles are signed as all else is.
func TestIntegrityReduction(t *testing.T) {
	g := newGuarded(t, auth.Require, auth.Willing, reducing)
	g.s.sender(lineSrc, 1000)
	g.d.reserve(rsvp.WF, flow(load(1000), ""))
	g.RunFor(5 * time.Minute)
	lost := 0
	g.Lose = func(s nodetest.Sent) bool { lost++; return lost == 1 }
	g.d.reserve(rsvp.FF, flow(load(1000), lineSrc)) // a Bundle, which is lost
	g.RunFor(5 * time.Minute)
	expect(t, "sender", []string{state(g.S)}, "FF paths=1 resvs=1 if1[10.0.1.1:4000]{1000}")
	types := map[rsvp.MessageType]int{}
	for _, s := range g.Log {
		messages := [][]byte{s.Payload}
		if rsvp.MessageType(s.Payload[1]) == rsvp.Bundle {
			types[rsvp.Bundle]++
			messages = slices.Collect(rsvp.SubMessages(s.Payload[rsvp.HeaderLen:]))
		}
		for _, b := range messages {
			var m rsvp.Message
			if err := m.Decode(b); err != nil || !m.Has(rsvp.ClassIntegrity) && m.Type != rsvp.IntegrityChallenge {
				t.Errorf("%v %v", err, m.Type)
			}
			types[m.Type]++
		}
	}
	for _, typ := range []rsvp.MessageType{rsvp.Ack, rsvp.Srefresh, rsvp.Bundle, rsvp.Resv} {
		if types[typ] == 0 {
			t.Errorf("no %v: %v", typ, types)
		}
	}
	if c := g.D.Node.Counters(); c.Retransmitted == 0 {
		t.Errorf("%+v", c)
	}
	for _, v := range g.verifiers {
		if c := v.Counters(); c.Verdicts[auth.BadDigest]+c.Verdicts[auth.Replayed] != 0 {
			t.Errorf("%+v", c)
		}
	}
	finish(t, g.Net, g.s, g.d)
}
