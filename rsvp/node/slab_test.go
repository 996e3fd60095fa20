package node

import "testing"

// TestSlab: numbers are given again only after release, elements do not move,
// and a released one is empty.
func TestSlab(t *testing.T) {
	var s slab[int]
	at := map[uint32]*int{}
	for i := range 3 * slabChunk {
		id, p := s.alloc()
		if _, used := at[id]; used || *p != 0 {
			t.Fatalf("number %d is in use, or not empty", id)
		}
		*p = i + 1
		at[id] = p
	}
	for id, p := range at {
		if s.at(id) != p {
			t.Fatalf("element %d moved", id)
		}
	}
	s.release(5)
	if *at[5] != 0 || s.used != 3*slabChunk-1 {
		t.Errorf("released: %d, %d in use", *at[5], s.used)
	}
	if id, p := s.alloc(); id != 5 || p != at[5] {
		t.Errorf("number %d was given, 5 is free", id)
	}
}

// TestExtra: the union keeps one copy of each object, in order of appearance.
func TestExtra(t *testing.T) {
	const a, b, c = "\x00\x08\xc8\x01aaaa", "\x00\x08\xc8\x01bbbb", "\x00\x04\xc9\x01"
	for _, tc := range [][3]string{{"", "", ""}, {a, "", a}, {"", a, a}, {a, a, a}, {a + b, b + c, a + b + c}, {c, a + b + a, c + a + b}} {
		if got := mergeExtra(tc[0], tc[1]); got != tc[2] {
			t.Errorf("%q and %q: %q, want %q", tc[0], tc[1], got, tc[2])
		}
	}
	if list := rawObjects(a + "\x00\x03junk"); len(list) != 1 {
		t.Errorf("%d objects", len(list))
	}
}
