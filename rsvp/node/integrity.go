package node

import (
	"errors"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/rsvp/auth"
)

// signer returns what signs messages that leave through an interface, or nil.
func (n *Node) signer(oi int) *auth.Signer {
	if !n.secured {
		return nil
	}
	if f := n.ifs[oi]; f != nil && f.Auth != auth.Off {
		return f.Signer
	}
	return nil
}

// outIfOf returns the interface that a message leaves through.
func (n *Node) outIfOf(to Send) int {
	if to.OutIf != 0 {
		return to.OutIf
	}
	oi, _ := n.cfg.Routes.Unicast(to.Dst)
	return oi
}

// encode appends n.rsp to the buffer, signed where its interface asks for it
// (RFC 2747 section 4.1). What cannot be sent is counted.
func (n *Node) encode(to Send) ([]byte, error) {
	if n.secured && n.rsp.Type != rsvp.IntegrityChallenge {
		oi := n.outIfOf(to)
		if s := n.signer(oi); s != nil {
			b, err := s.AppendMessage(n.now(), n.buf, &n.rsp)
			n.countUnsent(err)
			return b, err
		}
		if f := n.ifs[oi]; f != nil && f.Auth != auth.Off {
			n.drop(DropNoSigningKey)
			return n.buf, auth.ErrNoKey
		}
	}
	b, err := n.rsp.AppendTo(n.buf)
	n.countUnsent(err)
	return b, err
}

func (n *Node) countUnsent(err error) {
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrNoKey):
		n.drop(DropNoSigningKey)
	default:
		n.drop(DropUnsendable)
	}
}

// signatureLen returns how much longer messages get by being signed.
func (n *Node) signatureLen(oi int) int {
	s := n.signer(oi)
	if s == nil {
		return 0
	}
	k, _ := s.Select(n.now())
	if k == nil {
		return 0
	}
	return rsvp.DigestOffset + k.Algorithm().Size()
}

// authentic applies the policy of the interface where a message came in (RFC
// 2747 section 4.2). A message that did not decode is malformed whoever sent it,
// but what it is answered with is for authentic ones only. It ends the handshake
// that an Integrity Response belongs to.
func (n *Node) authentic(in Incoming, m *rsvp.Message, err error) bool {
	f := n.iface(in.InIf)
	switch {
	case f.Auth == auth.Off:
		return m.Type != rsvp.IntegrityChallenge && m.Type != rsvp.IntegrityResponse || !n.dropped(DropType)
	case err != nil && !errors.Is(err, rsvp.ErrUnknownClass) && !errors.Is(err, rsvp.ErrUnknownCType):
		return true // dropped as malformed
	case m.Type == rsvp.IntegrityChallenge:
		return true // "without doing an integrity check"
	case !m.Has(rsvp.ClassIntegrity):
		return f.Auth == auth.Accept || !n.dropped(DropUnsigned)
	case n.cfg.Verifier == nil:
		return !n.dropped(DropIntegrity)
	}
	s := auth.RSVPSigned(m, in.Payload, in.Src)
	if m.Type == rsvp.IntegrityResponse {
		if n.cfg.Verifier.Response(n.now(), s, m.Challenge) != auth.Good {
			n.drop(DropIntegrity)
		} else {
			n.count.Received[m.Type]++
		}
		return false
	}
	verdict := n.cfg.Verifier.Verify(n.now(), s)
	n.sendChallenges()
	return verdict == auth.Good || !n.dropped(DropIntegrity)
}

// dropped counts a drop and returns true.
func (n *Node) dropped(d Drop) bool {
	n.drop(d)
	return true
}

// sendChallenges sends the challenges that the verifier has ready. They are not
// signed (RFC 2747 section 4.3).
func (n *Node) sendChallenges() {
	for {
		o, ok := n.cfg.Verifier.Next()
		if !ok {
			return
		}
		if o.Kind != auth.SendChallenge {
			n.count.KeysExpired++
			continue
		}
		oi, ok := n.cfg.Routes.Unicast(o.Peer)
		if !ok {
			n.drop(DropNoRoute)
			continue
		}
		src, ok := n.address(oi, o.Peer)
		if !ok {
			continue
		}
		m := &n.rsp
		m.Reset()
		m.Type, m.HasChallenge, m.Challenge = rsvp.IntegrityChallenge, true, o.Challenge
		n.send(Send{Src: src, Dst: o.Peer, OutIf: viaIf(o.Peer, oi), TTL: hopTTL, Cause: o.Cause})
	}
}

// challengeArrives answers an Integrity Challenge with the key that it names, to
// where it came from (RFC 2747 section 4.2).
func (n *Node) challengeArrives(in Incoming, m *rsvp.Message) {
	s := n.signer(in.InIf)
	if s == nil {
		n.drop(DropNoSigningKey)
		return
	}
	src, ok := n.address(in.InIf, in.Src)
	if !ok {
		return
	}
	start := len(n.buf)
	b, err := s.AppendResponse(n.now(), n.buf, m.Challenge, hopTTL)
	if err != nil {
		n.drop(DropNoSigningKey)
		return
	}
	n.buf = b
	n.count.Sent[rsvp.IntegrityResponse]++
	n.out.Push(Output{Kind: KindSend, Send: Send{
		Src: src, Dst: in.Src, OutIf: viaIf(in.Src, in.InIf), TTL: hopTTL, TOS: n.cfg.TOS, Payload: b[start:len(b):len(b)], Cause: CauseResponse,
	}})
}
