package rsvp

import (
	"encoding/binary"

	"github.com/mpstack/mpstack/rsvp/intserv"
	"github.com/mpstack/mpstack/wire/object"
)

// guaranteedWords is the length of the guaranteed-service fragment without
// overrides: four parameters of one word each (RFC 2210 section 3.3.3).
const guaranteedWords = 8

func adSpecLen(a intserv.AdSpec) int {
	n := object.HeaderLen + 4 + 4 + paramsLen(a.General) + len(a.Other)
	if g := a.Guaranteed; g.Present {
		n += 4 + paramsLen(g.Override)
		if g.Filled {
			n += 4 * guaranteedWords
		}
	}
	if c := a.ControlledLoad; c.Present {
		n += 4 + paramsLen(c.Override)
	}
	if z := a.Null; z.Present {
		n += 4 + paramsLen(z.Override)
	}
	return n
}

func paramsLen(p intserv.Params) int {
	n := 0
	for s := p.Set; s != 0; s &= s - 1 {
		n += 8
	}
	return n
}

// AppendAdSpec appends an ADSPEC object: class 13, C-Type 2 (RFC 2210 section
// 3.3), its fragments in order of service number.
func AppendAdSpec(b []byte, a intserv.AdSpec) ([]byte, error) {
	start := len(b)
	b = beginServices(b, ClassAdSpec)
	b = appendFragment(b, intserv.General, a.Break, a.General, 0)
	b = appendParams(b, a.General)
	other := a.Other
	if g := a.Guaranteed; g.Present {
		b, other = appendOthers(b, other, intserv.Guaranteed)
		words := 0
		if g.Filled {
			words = guaranteedWords
		}
		b = appendFragment(b, intserv.Guaranteed, g.Break, g.Override, words)
		if g.Filled {
			b = appendWord(appendWord(b, intserv.ParamCtot, g.Ctot), intserv.ParamDtot, g.Dtot)
			b = appendWord(appendWord(b, intserv.ParamCsum, g.Csum), intserv.ParamDsum, g.Dsum)
		}
		b = appendParams(b, g.Override)
	}
	if c := a.ControlledLoad; c.Present {
		b, other = appendOthers(b, other, intserv.ControlledLoad)
		b = appendFragment(b, intserv.ControlledLoad, c.Break, c.Override, 0)
		b = appendParams(b, c.Override)
	}
	if z := a.Null; z.Present {
		b, other = appendOthers(b, other, intserv.Null)
		b = appendFragment(b, intserv.Null, z.Break, z.Override, 0)
		b = appendParams(b, z.Override)
	}
	return endServices(append(b, other...), start)
}

// appendOthers appends the fragments of other services below limit and returns
// the rest of them.
func appendOthers(b []byte, other string, limit intserv.Service) ([]byte, string) {
	for len(other) >= 4 && intserv.Service(other[0]) < limit {
		n := min(4+4*(int(other[2])<<8|int(other[3])), len(other))
		b, other = append(b, other[:n]...), other[n:]
	}
	return b, other
}

func appendFragment(b []byte, s intserv.Service, brk bool, p intserv.Params, words int) []byte {
	flags := uint8(0)
	if brk {
		flags = breakBit
	}
	return appendBlock(b, uint8(s), flags, words+paramsLen(p)/4)
}

func appendParams(b []byte, p intserv.Params) []byte {
	if p.Set&intserv.HasHops != 0 {
		b = appendWord(b, intserv.ParamHops, p.Hops)
	}
	if p.Set&intserv.HasBandwidth != 0 {
		b = appendFloat(appendBlock(b, intserv.ParamBandwidth, 0, 1), p.Bandwidth)
	}
	if p.Set&intserv.HasLatency != 0 {
		b = appendWord(b, intserv.ParamLatency, p.Latency)
	}
	if p.Set&intserv.HasMTU != 0 {
		b = appendWord(b, intserv.ParamMTU, p.MTU)
	}
	return b
}

func appendWord(b []byte, id uint8, v uint32) []byte {
	return binary.BigEndian.AppendUint32(appendBlock(b, id, 0, 1), v)
}

func parseAdSpec(m *Message, _ uint8, body []byte) *object.DecodeError {
	w, err := openServices(body, "ADSPEC service")
	if err != nil {
		return err
	}
	m.HasAdSpec = true
	last := uint8(0)
	for w.more() {
		s, err := w.next()
		if err != nil {
			return err
		}
		if s.id <= last {
			return failf("ADSPEC service", s.off, ErrOrder, "%d after %d", s.id, last)
		}
		if last == 0 && s.id != uint8(intserv.General) {
			return failf("ADSPEC service", s.off, ErrOrder, "%d comes first", s.id)
		}
		last = s.id
		if err := adFragment(&m.AdSpec, &w, s); err != nil {
			return err
		}
	}
	if last == 0 {
		return fail("ADSPEC general parameters", len(body), ErrMissing)
	}
	return nil
}

// adFragment takes one service's fragment.
func adFragment(a *intserv.AdSpec, w *blocks, s block) *object.DecodeError {
	brk := s.flags&breakBit != 0
	params := w.inside(s, "ADSPEC parameter")
	switch intserv.Service(s.id) {
	case intserv.General:
		a.Break = brk
		return paramsFrom(&a.General, &params)
	case intserv.Guaranteed:
		a.Guaranteed = intserv.GuaranteedAd{Present: true, Break: brk}
		return guaranteedFrom(&a.Guaranteed, &params)
	case intserv.ControlledLoad:
		a.ControlledLoad = intserv.ControlledLoadAd{Present: true, Break: brk}
		return paramsFrom(&a.ControlledLoad.Override, &params)
	case intserv.Null:
		a.Null = intserv.NullAd{Present: true, Break: brk}
		return paramsFrom(&a.Null.Override, &params)
	}
	a.Other += string(w.body[s.off:w.pos])
	return nil
}

// guaranteedFrom takes a guaranteed-service fragment: empty, or its four
// parameters and then overrides.
func guaranteedFrom(g *intserv.GuaranteedAd, w *blocks) *object.DecodeError {
	if !w.more() {
		return nil
	}
	g.Filled = true
	for id, v := range guaranteedValues(g) {
		p, err := w.only(uint8(intserv.ParamCtot+id), 1)
		if err != nil {
			return err
		}
		*v = binary.BigEndian.Uint32(p.data)
	}
	return paramsFrom(&g.Override, w)
}

// guaranteedValues lists a fragment's values in the order of their parameter numbers.
func guaranteedValues(g *intserv.GuaranteedAd) [4]*uint32 {
	return [4]*uint32{&g.Ctot, &g.Dtot, &g.Csum, &g.Dsum}
}

// paramsFrom takes general parameters in ascending order.
func paramsFrom(p *intserv.Params, w *blocks) *object.DecodeError {
	last := -1
	for w.more() {
		b, err := w.next()
		switch {
		case err != nil:
			return err
		case int(b.id) <= last:
			return failf(w.name, b.off, ErrOrder, "%d after %d", b.id, last)
		case len(b.data) != 4:
			return failf(w.name+" length", b.off+2, object.ErrLength, "%d words, not 1", len(b.data)/4)
		}
		last = int(b.id)
		v := binary.BigEndian.Uint32(b.data)
		switch b.id {
		case intserv.ParamHops:
			p.Set, p.Hops = p.Set|intserv.HasHops, v
		case intserv.ParamBandwidth:
			p.Set, p.Bandwidth = p.Set|intserv.HasBandwidth, float(b.data)
		case intserv.ParamLatency:
			p.Set, p.Latency = p.Set|intserv.HasLatency, v
		case intserv.ParamMTU:
			p.Set, p.MTU = p.Set|intserv.HasMTU, v
		default:
			return failf(w.name, b.off, ErrService, "number %d", b.id)
		}
	}
	return nil
}
