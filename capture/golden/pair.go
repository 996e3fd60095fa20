package golden

import (
	"bytes"

	"github.com/mpstack/mpstack/capture"
)

// pairing is a frame of the golden and the one that stands for it, either of
// which may be nil.
type pairing struct{ want, got *capture.Record }

// pair finds for each frame its like: those with the same bytes at the same
// port in the longest common order first, then, in each gap between them,
// those of the same kind in their order.
func pair(want, got []capture.Record) (pairs []pairing) {
	for len(want) > 0 && len(got) > 0 && alike(&want[0], &got[0]) {
		pairs = append(pairs, pairing{&want[0], &got[0]})
		want, got = want[1:], got[1:]
	}
	tail := 0
	for tail < len(want) && tail < len(got) && alike(&want[len(want)-1-tail], &got[len(got)-1-tail]) {
		tail++
	}
	pairs = append(pairs, pairMiddle(want[:len(want)-tail], got[:len(got)-tail])...)
	for i := tail; i > 0; i-- {
		pairs = append(pairs, pairing{&want[len(want)-i], &got[len(got)-i]})
	}
	return pairs
}

// alike reports whether two frames have the same bytes at the same port.
func alike(a, b *capture.Record) bool {
	return a.Port == b.Port && a.LinkType == b.LinkType && bytes.Equal(a.Data, b.Data)
}

// maxTable bounds the table of pairMiddle; beyond it frames are paired by kind
// alone.
const maxTable = 4 << 20

// pairMiddle pairs what begins and ends with different frames, by the longest
// common subsequence.
func pairMiddle(want, got []capture.Record) (pairs []pairing) {
	if len(want) == 0 || len(got) == 0 || len(want)*len(got) > maxTable {
		return pairGap(want, got)
	}
	length := common(want, got)
	width := len(got) + 1
	i, j, i0, j0 := 0, 0, 0, 0
	for i < len(want) && j < len(got) {
		switch {
		case alike(&want[i], &got[j]):
			pairs = append(pairs, pairGap(want[i0:i], got[j0:j])...)
			pairs = append(pairs, pairing{&want[i], &got[j]})
			i, j = i+1, j+1
			i0, j0 = i, j
		case length[(i+1)*width+j] >= length[i*width+j+1]:
			i++
		default:
			j++
		}
	}
	return append(pairs, pairGap(want[i0:], got[j0:])...)
}

// common returns the lengths of the longest common subsequences of want[i:] and
// got[j:], at i*(len(got)+1)+j.
func common(want, got []capture.Record) []int32 {
	width := len(got) + 1
	length := make([]int32, (len(want)+1)*width)
	for i := len(want) - 1; i >= 0; i-- {
		for j := len(got) - 1; j >= 0; j-- {
			at := i*width + j
			if alike(&want[i], &got[j]) {
				length[at] = length[at+width+1] + 1
			} else {
				length[at] = max(length[at+width], length[at+1])
			}
		}
	}
	return length
}

// pairGap pairs frames that are not alike by what they are: the same message at
// the same port. What is left is missing or extra.
func pairGap(want, got []capture.Record) (pairs []pairing) {
	kinds := make([]string, len(got))
	for j := range got {
		kinds[j] = kind(&got[j])
	}
	next := 0
	for i := range want {
		j := next
		for k := kind(&want[i]); j < len(got) && kinds[j] != k; {
			j++
		}
		if j == len(got) {
			pairs = append(pairs, pairing{want: &want[i]})
			continue
		}
		for ; next < j; next++ {
			pairs = append(pairs, pairing{got: &got[next]})
		}
		pairs = append(pairs, pairing{&want[i], &got[j]})
		next = j + 1
	}
	for ; next < len(got); next++ {
		pairs = append(pairs, pairing{got: &got[next]})
	}
	return pairs
}

// kind returns what a frame is, without its addresses.
func kind(rec *capture.Record) string {
	top := tree(rec).Top()
	if top == nil {
		return rec.Port
	}
	return rec.Port + " " + top.Name + " " + top.Type
}
