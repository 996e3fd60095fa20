package dissect_test

import (
	"testing"

	"github.com/mpstack/mpstack/capture/dissect"
)

// BenchmarkDissect takes the samples in turn, as text, as JSON and alone.
func BenchmarkDissect(b *testing.B) {
	all := samples(b)
	var tree dissect.Tree
	var out []byte
	for name, render := range map[string]func(i int){
		"tree": func(int) {},
		"json": func(i int) { out = dissect.AppendJSON(out[:0], &all[i], &tree) },
		"text": func(i int) { out = dissect.AppendText(out[:0], &all[i], &tree) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				rec := &all[i%len(all)]
				tree.Dissect(rec.LinkType, rec.Data)
				render(i % len(all))
			}
		})
	}
}
