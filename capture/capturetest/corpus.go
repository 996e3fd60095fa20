package capturetest

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/mpstack/mpstack/capture"
)

// CorpusEnv names the variable with the folder of captures by others.
const CorpusEnv = "MPSTACK_CORPUS"

// CorpusFile is one capture of the corpus, with its row of MANIFEST.tsv.
type CorpusFile struct {
	Name string // "folder/file", as the manifest has it
	Path string
	Row  map[string]string // by the names of the manifest's columns
}

// Ethernet reports whether the manifest says that all its frames are Ethernet.
func (f CorpusFile) Ethernet() bool { return f.Row["linktype"] == "EN10MB" }

// Records yields the frames of the capture, as capture.Open does.
func (f CorpusFile) Records(t T) iter.Seq2[capture.Record, error] {
	t.Helper()
	return func(yield func(capture.Record, error) bool) {
		h, err := os.Open(f.Path)
		if err != nil {
			t.Fatalf("corpus: %v", err)
		}
		defer h.Close()
		for rec, err := range capture.Open(h) {
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Corpus returns the captures by others, without the texts among them, or none,
// and one line that says what is not run, where CorpusEnv is not set: in CI
// that is a failure.
func Corpus(t T) []CorpusFile {
	t.Helper()
	dir := os.Getenv(CorpusEnv)
	if dir == "" {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not set: it must name the captures by others", CorpusEnv)
		}
		fmt.Printf("%s: %s is not set: captures by others not run\n", t.Name(), CorpusEnv)
		return nil
	}
	files, err := readManifest(dir)
	if err != nil {
		t.Fatalf("corpus: %v", err)
	}
	return files
}

func readManifest(dir string) ([]CorpusFile, error) {
	text, err := os.ReadFile(filepath.Join(dir, "MANIFEST.tsv"))
	if err != nil {
		return nil, err
	}
	var head []string
	var files []CorpusFile
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if head == nil {
			head = cells
			continue
		}
		row := make(map[string]string)
		for i, c := range cells[:min(len(cells), len(head))] {
			row[head[i]] = c
		}
		if row["linktype"] == "(text)" {
			continue
		}
		files = append(files, CorpusFile{Name: cells[0], Path: filepath.Join(dir, cells[0]), Row: row})
	}
	return files, nil
}

// Goldens returns the paths of the project's golden captures. The test must run
// inside the module, as go test has it.
func Goldens(t T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(ModuleRoot(t), "testdata", "pcaps", "*.pcapng"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden captures: %v", err)
	}
	return files
}

// ModuleRoot returns the folder of go.mod above the test's.
func ModuleRoot(t T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("%v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no go.mod above the test")
			return ""
		}
		dir = up
	}
}
