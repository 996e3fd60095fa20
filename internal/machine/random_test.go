package machine

import (
	"bytes"
	"encoding/hex"
	"io"
	"math"
	"testing"
)

// TestRandPinned: the first values of a stream never change, since goldens
// hang on them.
func TestRandPinned(t *testing.T) {
	for _, tc := range []struct {
		seed          uint64
		node, purpose string
		want          [3]uint64
	}{
		{1, "host-a", "mpj", [3]uint64{0x2553f94df7fc2eaf, 0x1d6b802b226d5a4c, 0xb37c45308e0a404e}},
		{1, "host-a", "rsvp", [3]uint64{0x379aa39b9340c299, 0x39b7e3421a09b9b7, 0x3cfaad3bc5d5999c}},
		{1, "host-b", "mpj", [3]uint64{0x0c4b32eafe5c8945, 0x12cf77fe0bc4ebc9, 0x73c6eec800abfd36}},
		{2, "host-a", "mpj", [3]uint64{0x363e84d342523981, 0x6a7b48147e8a2d1e, 0x68b57f509df10b85}},
		{0, "", "", [3]uint64{0x8c56bbe31d431439, 0x9a8d234a55d75ef8, 0xcf2621a96424a84f}},
		{math.MaxUint64, "host-a", "mpj", [3]uint64{0xd505cbcb9dee829a, 0xa41fcf3638d8e9c7, 0x3df2a8f842f4708e}},
	} {
		r := Rand(tc.seed, tc.node, tc.purpose)
		got := [3]uint64{r.Uint64(), r.Uint64(), r.Uint64()}
		if got != tc.want {
			t.Errorf("Rand(%d, %q, %q) begins %#x, want %#x", tc.seed, tc.node, tc.purpose, got, tc.want)
		}
	}
}

// TestRandStreamsDiffer: a stream is named by all three parts, and no two
// splits of the same letters name the same stream.
func TestRandStreamsDiffer(t *testing.T) {
	type name struct {
		seed          uint64
		node, purpose string
	}
	seen := make(map[uint64]name)
	for seed := range uint64(4) {
		for _, node := range []string{"", "a", "ab", "abc", "b"} {
			for _, purpose := range []string{"", "c", "bc", "abc", "a"} {
				first := Rand(seed, node, purpose).Uint64()
				if other, twice := seen[first]; twice {
					t.Errorf("%v and %v begin alike", name{seed, node, purpose}, other)
				}
				seen[first] = name{seed, node, purpose}
			}
		}
	}
}

// TestRandStreamsIndependent: draws from one stream shift nothing in another.
func TestRandStreamsIndependent(t *testing.T) {
	alone := Rand(7, "node", "jitter")
	a, b := Rand(7, "node", "jitter"), Rand(7, "node", "loss")
	for i := range 100 {
		for range i {
			b.Uint64()
		}
		if got, want := a.Uint64(), alone.Uint64(); got != want {
			t.Fatalf("draw %d = %#x, want %#x", i, got, want)
		}
	}
}

func TestSeededEntropy(t *testing.T) {
	read := func(node string, sizes ...int) []byte {
		r := SeededEntropy(3, node, "tags")
		var all []byte
		for _, n := range sizes {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return all
	}
	const want = "de4ce2e6183e2448271d32b54a01ff170fe4b0bef307e4b24b86b0dbe17f471a"
	if got := hex.EncodeToString(read("a", 32)); got != want {
		t.Errorf("the first 32 bytes are %s, want %s", got, want)
	}
	if !bytes.Equal(read("a", 8, 8, 8, 8), read("a", 8, 8, 8, 8)) {
		t.Error("two readings of the same source differ")
	}
	if !bytes.Equal(read("a", 5, 3, 24), read("a", 32)) {
		t.Error("the bytes depend on how they are read")
	}
	if bytes.Equal(read("a", 16), read("b", 16)) {
		t.Error("two nodes have the same secrets")
	}
}
