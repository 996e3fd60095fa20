package igmp_test

import (
	"errors"
	"testing"
	"time"

	"github.com/mpstack/mpstack/wire/igmp"
	"github.com/mpstack/mpstack/wire/inet"
)

func TestCode8(t *testing.T) {
	tests := []struct {
		code uint8
		v    uint32
	}{
		{0, 0}, {1, 1}, {100, 100}, {125, 125}, {127, 127},
		{0x80, 128}, {0x81, 136}, {0x8a, 208}, {0x8f, 248}, // 0x8a: 20.8 s of response time
		{0x90, 256}, {0x9f, 496}, {0xa0, 512}, {0xf0, 16384}, {0xff, 31744},
	}
	for _, tt := range tests {
		if got := igmp.DecodeCode8(tt.code); got != tt.v {
			t.Errorf("DecodeCode8(%#x) = %d, want %d", tt.code, got, tt.v)
		}
		if got, ok := igmp.EncodeCode8(tt.v); got != tt.code || !ok {
			t.Errorf("EncodeCode8(%d) = %#x, %v, want %#x", tt.v, got, ok, tt.code)
		}
	}
}

func TestCode16(t *testing.T) {
	tests := []struct {
		code uint16
		v    uint32
	}{
		{0, 0}, {1000, 1000}, {10000, 10000}, {32767, 32767},
		{0x8000, 32768}, {0x8001, 32776}, {0x83e8, 40768}, {0x8fff, 65528},
		{0x9000, 65536}, {0xf000, 4194304}, {0xffff, 8387584},
	}
	for _, tt := range tests {
		if got := igmp.DecodeCode16(tt.code); got != tt.v {
			t.Errorf("DecodeCode16(%#x) = %d, want %d", tt.code, got, tt.v)
		}
		if got, ok := igmp.EncodeCode16(tt.v); got != tt.code || !ok {
			t.Errorf("EncodeCode16(%d) = %#x, %v, want %#x", tt.v, got, ok, tt.code)
		}
	}
}

// Every code means another value, values rise with codes, and each value
// between two codes is encoded as the lower.
func TestCodesAreMonotonic(t *testing.T) {
	for c := range 0xff {
		lo, hi := igmp.DecodeCode8(uint8(c)), igmp.DecodeCode8(uint8(c+1))
		if lo >= hi {
			t.Fatalf("codes %#x and %#x mean %d and %d", c, c+1, lo, hi)
		}
		for v := lo; v < hi; v++ {
			if got, ok := igmp.EncodeCode8(v); int(got) != c || !ok {
				t.Fatalf("EncodeCode8(%d) = %#x, %v, want %#x", v, got, ok, c)
			}
		}
	}
	for c := range 0xffff {
		lo, hi := igmp.DecodeCode16(uint16(c)), igmp.DecodeCode16(uint16(c+1))
		if lo >= hi {
			t.Fatalf("codes %#x and %#x mean %d and %d", c, c+1, lo, hi)
		}
		for _, v := range []uint32{lo, (lo + hi) / 2, hi - 1} {
			if got, ok := igmp.EncodeCode16(v); int(got) != c || !ok {
				t.Fatalf("EncodeCode16(%d) = %#x, %v, want %#x", v, got, ok, c)
			}
		}
	}
}

// From the top code's step on, nothing fits.
func TestCodesEnd(t *testing.T) {
	for _, v := range []uint32{32768, 1 << 20, 1<<32 - 1} {
		if c, ok := igmp.EncodeCode8(v); ok {
			t.Errorf("EncodeCode8(%d) = %#x", v, c)
		}
	}
	for _, v := range []uint32{8388608, 1<<32 - 1} {
		if c, ok := igmp.EncodeCode16(v); ok {
			t.Errorf("EncodeCode16(%d) = %#x", v, c)
		}
	}
	if c, ok := igmp.EncodeCode8(31745); c != 0xff || ok {
		t.Errorf("EncodeCode8(31745) = %#x, %v", c, ok)
	}
	if c, ok := igmp.EncodeCode16(8387585); c != 0xffff || ok {
		t.Errorf("EncodeCode16(8387585) = %#x, %v", c, ok)
	}
}

// The greatest times are taken, and no more.
func TestTimeLimits(t *testing.T) {
	igmpQuery := func(q igmp.Query) error { _, err := q.AppendIGMP(nil); return err }
	mldQuery := func(q igmp.Query) error { _, err := q.AppendMLD(nil, ll1, mldDst); return err }
	tests := []struct {
		name  string
		query func(igmp.Query) error
		at    func(d time.Duration) igmp.Query
		max   time.Duration
	}{
		{"IGMPv2", igmpQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 2, MaxResp: d} }, igmp.MaxRespV2},
		{"IGMPv3", igmpQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 3, MaxResp: d} }, igmp.MaxRespV3},
		{"MLDv1", mldQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 1, MaxResp: d} }, igmp.MaxRespMLD1},
		{"MLDv2", mldQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 2, MaxResp: d} }, igmp.MaxRespMLD2},
		{"IGMPv3 interval", igmpQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 3, QQI: d} }, igmp.MaxQQI},
		{"MLDv2 interval", mldQuery, func(d time.Duration) igmp.Query { return igmp.Query{Version: 2, QQI: d} }, igmp.MaxQQI},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			noError(t, tt.query(tt.at(tt.max)))
			for _, d := range []time.Duration{tt.max + 1, -1} {
				if err := tt.query(tt.at(d)); !errors.Is(err, inet.ErrRange) {
					t.Errorf("%v: %v", d, err)
				}
			}
		})
	}
}
