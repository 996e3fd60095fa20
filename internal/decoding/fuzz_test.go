package decoding

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/capture/capturetest"
)

// rooms are the packages whose decoders take bytes of others.
var rooms = []string{"wire/object", "wire/inet", "wire/igmp", "wire/mpj", "rsvp", "capture", "capture/pcapng", "capture/dissect"}

// notDecoders are functions that only sound like one, and why.
var notDecoders = map[string]string{
	"inet.ParseMAC":     "reads text that people write; FuzzParseMAC",
	"igmp.DecodeCode8":  "every byte has a value; FuzzCodes",
	"igmp.DecodeCode16": "every number has a value; FuzzCodes",
	"pcapng.NewReader":  "reads nothing yet",
}

// source is what a package's files declare.
type source struct {
	name     string
	decoders []string        // "pkg.Func" and "pkg.Type.Method"
	fuzz     map[string]bool // targets in its test files
}

func read(t *testing.T, dir string) source {
	t.Helper()
	s := source{name: filepath.Base(dir), fuzz: make(map[string]bool)}
	set := token.NewFileSet()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && path != dir {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				s.add(f, strings.HasSuffix(path, "_test.go"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *source) add(f *ast.FuncDecl, test bool) {
	name := f.Name.Name
	switch {
	case test && strings.HasPrefix(name, "Fuzz") && f.Recv == nil:
		s.fuzz[name] = true
	case !test && decodes(f):
		s.decoders = append(s.decoders, s.name+"."+receiver(f)+name)
	}
}

// decodes reports whether an exported function is named like a decoder and is
// given bytes, a reader, or what another decoder has taken out of them.
func decodes(f *ast.FuncDecl) bool {
	named := slices.ContainsFunc([]string{"Parse", "Decode", "Next", "Open", "Dissect", "Frame", "NewReader"},
		func(prefix string) bool { return strings.HasPrefix(f.Name.Name, prefix) })
	if !named || !f.Name.IsExported() {
		return false
	}
	return len(f.Type.Params.List) > 0 || receiver(f) == "Reader."
}

// receiver returns "Type." of a method with an exported type.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

// TestEveryDecoderIsTested: every exported decoder of the rooms has a row in the
// table and a fuzz target in its package.
func TestEveryDecoderIsTested(t *testing.T) {
	rows := make(map[string]*decoder)
	for i := range decoders {
		rows[decoders[i].name] = &decoders[i]
	}
	root := capturetest.ModuleRoot(t)
	found := make(map[string]bool)
	for _, room := range rooms {
		s := read(t, filepath.Join(root, filepath.FromSlash(room)))
		for _, name := range s.decoders {
			found[name] = true
			d := rows[name]
			if d == nil {
				if notDecoders[name] == "" {
					t.Errorf("%s has no row in the table of decoders", name)
				}
				continue
			}
			if !s.fuzz[d.target()] {
				t.Errorf("%s has no fuzz target %s in %s", name, d.target(), room)
			}
		}
	}
	for name := range rows {
		if !found[name] {
			t.Errorf("the table names %s, which is not there", name)
		}
	}
	for name := range notDecoders {
		if !found[name] {
			t.Errorf("%s is excused, but is not there", name)
		}
	}
}

// target returns the name of the decoder's fuzz target: "FuzzParseIPv4".
func (d *decoder) target() string {
	if d.fuzz != "" {
		return d.fuzz
	}
	return "Fuzz" + d.name[strings.LastIndexByte(d.name, '.')+1:]
}
