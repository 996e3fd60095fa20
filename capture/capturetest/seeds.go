package capturetest

import (
	"bytes"
	"os"
	"strings"
	"sync"

	"github.com/mpstack/mpstack/capture"
	"github.com/mpstack/mpstack/capture/dissect"
)

// maxSeeds is how many kinds of frames of the corpus Seeds takes: each is run
// whenever its fuzz target is, also as a test.
const maxSeeds = 64

// Seeds returns inputs for the fuzz target of a decoder: what stands from the
// layer on in the project's golden captures, and where MPSTACK_CORPUS is set in
// the captures by others, one of each kind. Nothing of the corpus is to be
// committed. layer is one of dissect's names.
func Seeds(t T, layer string) [][]byte {
	t.Helper()
	all := goldenKinds(t).from(layer, len(goldenKinds(t)))
	return append(all, corpusKinds(t).from(layer, maxSeeds)...)
}

// Files returns inputs for the fuzz target of a reader of captures: golden
// captures, and where MPSTACK_CORPUS is set captures by others, of up to limit
// bytes.
func Files(t T, limit int64) [][]byte {
	t.Helper()
	paths := Goldens(t)
	if os.Getenv(CorpusEnv) != "" {
		for _, f := range Corpus(t) {
			paths = append(paths, f.Path)
		}
	}
	var all [][]byte
	for _, p := range paths {
		if info, err := os.Stat(p); err != nil || info.Size() > limit {
			continue
		}
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatalf("seeds: %v", err)
		}
		all = append(all, b)
	}
	return all
}

// kinds are frames that differ in what they are made of.
type kinds []kind

type kind struct {
	frame  []byte
	layers []part // from the outermost
}

// part is what one layer adds to a frame's kind.
type part struct {
	name     string
	from, to int
	outline  string // of this layer and those above it
}

var (
	goldenOnce, corpusOnce sync.Once
	ofGoldens, ofCorpus    kinds
)

func goldenKinds(t T) kinds {
	t.Helper()
	goldenOnce.Do(func() {
		for _, path := range Goldens(t) {
			ofGoldens.add(t, path)
		}
	})
	return ofGoldens
}

func corpusKinds(t T) kinds {
	t.Helper()
	if os.Getenv(CorpusEnv) == "" {
		return nil
	}
	corpusOnce.Do(func() {
		for _, f := range Corpus(t) {
			ofCorpus.add(t, f.Path)
		}
	})
	return ofCorpus
}

// add adds the frames of a capture, as far as it can be read, that are of a new
// kind.
func (k *kinds) add(t T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("seeds: %v", err)
	}
	defer f.Close()
	seen := make(map[string]bool)
	for _, old := range *k {
		seen[old.layers[0].outline] = true
	}
	var tree dissect.Tree
	for rec, err := range capture.Open(f) {
		if err != nil || rec.LinkType != capture.LinkTypeEthernet {
			return
		}
		tree.Dissect(rec.LinkType, rec.Data)
		layers := parts(&tree)
		if len(layers) == 0 || seen[layers[0].outline] {
			continue
		}
		seen[layers[0].outline] = true
		*k = append(*k, kind{bytes.Clone(rec.Data), layers})
	}
}

// parts lists a frame's layers. A layer goes on to the end of the frame without
// its padding.
func parts(tree *dissect.Tree) []part {
	var all []part
	outline, end := "", 0
	for i := len(tree.Layers) - 1; i >= 0; i-- {
		l := &tree.Layers[i]
		if l.Type == "padding" {
			continue
		}
		end = max(end, l.Offset+l.Length)
		var names strings.Builder
		for j := range l.Objects {
			names.WriteString("," + l.Objects[j].Name)
		}
		outline = l.Name + " " + l.Type + names.String() + "/" + outline
		all = append([]part{{l.Name, l.Offset, end, outline}}, all...)
	}
	if len(all) > 0 && tree.Err != nil {
		all[0].outline += tree.Err.Field
	}
	return all
}

// from returns what up to limit frames hold from the layer on, one of each
// outline.
func (k kinds) from(layer string, limit int) [][]byte {
	var all [][]byte
	seen := make(map[string]bool)
	for _, f := range k {
		for _, p := range f.layers {
			if p.name != layer || seen[p.outline] || len(all) == limit {
				continue
			}
			seen[p.outline] = true
			all = append(all, bytes.Clone(f.frame[p.from:p.to]))
		}
	}
	return all
}
