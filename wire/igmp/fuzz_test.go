package igmp_test

import (
	"math/rand/v2"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
	"github.com/mpstack/mpstack/wire/igmp"
)

// fuzz runs trip on what the fuzzer makes, with its own checksum and with the
// right one. Seeds are those given, random messages, the project's goldens and,
// while MPSTACK_CORPUS is set, captures by others.
func fuzz(f *testing.F, p protocol, seeds []string) {
	for _, b := range capturetest.Seeds(f, p.name) {
		f.Add(b)
	}
	for _, s := range seeds {
		f.Add(p.fixed(f, s))
	}
	r := random{rand.New(rand.NewPCG(10, 10)), p.name == "mld"}
	for range 20 {
		b, err := p.encode(r.message(), nil)
		noError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		trip(t, p, b)
		if len(b) >= 8 {
			b = append([]byte(nil), b...)
			p.fix(b)
			trip(t, p, b)
		}
	})
}

func FuzzParseIGMP(f *testing.F) {
	fuzz(f, igmp4, []string{
		"1100 0000 00000000",
		"118a 0000 e8010203 0a7d 0002 0a000001 0a000009",
		"2200 0000 0000 0002 0102 0002 e8010203 0a000001 0a000009 0102030405060708 6300 0000 ef010101",
		"2200 0000 0000 0003 0400 0000 ef010101", // more records than there are
		"2200 0000 0000 0001 04ff ffff ef010101",
		"1164 0000 00000000 027d", // no version's length
	})
}

func FuzzParseMLD(f *testing.F) {
	fuzz(f, mld6, []string{
		"8200 0000 2710 0000" + zeros16,
		"8200 0000 83e8 0000" + group6Hex + "0a8a 0001" + source6Hex,
		"8f00 0000 0000 0001 0501 0001" + group6Hex + source6Hex + "01020304",
		"8f00 0000 0000 ffff 0400 ffff" + group6Hex,
		"8400 0000 0000 0000" + group6Hex,
	})
}

func FuzzSplit(f *testing.F) {
	f.Add(igmp4.fixed(f, "2200 0000 0000 0002 0500 0002 e8010203 0a000001 0a000002 0400 0000 ef010101"), 20)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		if len(b) < 8 {
			return
		}
		igmp4.fix(b)
		m, err := igmp.ParseIGMP(b)
		if err != nil || m.Report.Version != 3 {
			return
		}
		reports, err := m.Report.Split(limit)
		if err != nil {
			return
		}
		for _, r := range reports {
			out, err := r.AppendIGMP(nil)
			noError(t, err)
			if len(out) > limit {
				t.Errorf("%d bytes, limit %d", len(out), limit)
			}
		}
	})
}

func FuzzCodes(f *testing.F) {
	f.Add(uint32(125))
	f.Add(uint32(31744))
	f.Add(uint32(8387584))
	f.Fuzz(func(t *testing.T, v uint32) {
		if c, ok := igmp.EncodeCode8(v); ok && igmp.DecodeCode8(c) > v || ok != (v <= 31744) {
			t.Errorf("EncodeCode8(%d) = %#x, %v", v, c, ok)
		}
		if c, ok := igmp.EncodeCode16(v); ok && igmp.DecodeCode16(c) > v || ok != (v <= 8387584) {
			t.Errorf("EncodeCode16(%d) = %#x, %v", v, c, ok)
		}
	})
}
