package layering

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestHouse checks the tree against the table.
func TestHouse(t *testing.T) {
	top := filepath.Join("..", "..")
	mod, err := os.ReadFile(filepath.Join(top, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(mod), "module "+module+"\n") {
		t.Fatalf("go.mod does not begin with module %s: the table is about another module", module)
	}
	findings, files, err := check(os.DirFS(top), house)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
	if files < 20 {
		t.Errorf("only %d Go files found: the tree was not read", files)
	}
}

// fixture is a small house for the tests of the check.
var fixture = table{
	rows: []row{
		{"1a", []string{"leaf", "testdata"}},
		{"1a", []string{"sibling"}},
		{"1b", []string{"bytes"}},
		{"2a", []string{"machine", "machine/part", "machine/machinetest"}},
		{"2a", []string{"other"}},
		{"3a", []string{"kernel"}},
		{"4", []string{"top"}},
	},
	foreign: []rule{
		{path: "github.com/some/lib", rooms: []string{"kernel"}, why: "it is for the kernel"},
		{path: "github.com/some/deep", rooms: []string{"machine/..."}, why: "it is for the machine"},
		{path: "github.com/some/oracle", rooms: []string{"kernel"}, outer: true, why: "it is an oracle"},
		{path: "github.com/test/only", tests: true, why: "it is for tests"},
	},
	support: map[string]bool{"machine/machinetest": true},
	banned:  banned,
}

// TestFindings gives the check one file at a time and compares what it says.
// An empty want means that the file is good.
func TestFindings(t *testing.T) {
	const lib = module + "/"
	for _, tc := range []struct {
		name string
		file string
		src  string
		want string
	}{
		{"lower step", "bytes/a.go", `package bytes; import _ "` + lib + `leaf"`, ""},
		{"lower floor", "machine/a.go", `package machine; import _ "` + lib + `bytes"`, ""},
		{"family, down", "machine/a.go", `package machine; import _ "` + lib + `machine/part"`, ""},
		{"family, up", "machine/part/a.go", `package part; import _ "` + lib + `machine"`, ""},
		{"higher floor", "machine/a.go", "package machine\n\nimport (\n\t_ \"fmt\"\n\t_ \"" + lib + "kernel\"\n)",
			"machine/a.go:5: machine (2a) may not import " + lib + "kernel: it stands on a higher floor (3a)"},
		{"higher step", "leaf/a.go", `package leaf; import _ "` + lib + `bytes"`,
			"leaf/a.go:1: leaf (1a) may not import " + lib + "bytes: it stands on a higher step (1b)"},
		{"sibling", "machine/a.go", `package machine; import _ "` + lib + `other"`,
			"machine/a.go:1: machine (2a) may not import " + lib + "other: it stands on the same step (2a) and is no family"},
		{"a path prefix is no family", "leaf/a.go", `package leaf; import _ "` + lib + `sibling"`,
			"leaf/a.go:1: leaf (1a) may not import " + lib + "sibling: it stands on the same step (1a) and is no family"},
		{"testdata is read", "testdata/embed.go", `package testdata; import _ "` + lib + `bytes"`,
			"testdata/embed.go:1: testdata (1a) may not import " + lib + "bytes: it stands on a higher step (1b)"},
		{"whatever the build tags", "leaf/a.go", "//go:build netns && windows\n\npackage leaf\n\nimport _ \"" + lib + "top\"\n",
			"leaf/a.go:5: leaf (1a) may not import " + lib + "top: it stands on a higher floor (4)"},
		{"unknown room imported", "top/a.go", `package top; import _ "` + lib + `cellar"`,
			"top/a.go:1: top (4) may not import " + lib + "cellar: it is not a room of the house"},
		{"unknown room", "cellar/a.go", "package cellar",
			"cellar/a.go:1:9: cellar is not a room of the house: give it a row in internal/layering/table_test.go"},
		{"unknown room below a room", "machine/part/nook/a_test.go", "package nook",
			"machine/part/nook/a_test.go:1:9: machine/part/nook is not a room of the house: give it a row in internal/layering/table_test.go"},
		{"the top folder is no room", "main.go", "package main",
			"main.go:1:9: . is not a room of the house: give it a row in internal/layering/table_test.go"},

		{"test inside the package", "machine/a_test.go", `package machine; import _ "` + lib + `top"`,
			"machine/a_test.go:1: machine (2a) may not import " + lib + "top: it stands on a higher floor (4)"},
		{"test outside the package", "machine/a_test.go", `package machine_test; import _ "` + lib + `top"`, ""},
		{"not a test file", "machine/a.go", `package machine_test; import _ "` + lib + `top"`,
			"machine/a.go:1: machine (2a) may not import " + lib + "top: it stands on a higher floor (4)"},

		{"third party, its room", "kernel/a.go", `package kernel; import _ "github.com/some/lib/sub"`, ""},
		{"third party, below its room", "machine/part/a.go", `package part; import _ "github.com/some/deep"`, ""},
		{"third party, another room", "top/a.go", `package top; import _ "github.com/some/lib/sub"`,
			"top/a.go:1: top (4) may not import github.com/some/lib/sub: it is for the kernel"},
		{"third party, external test", "machine/a_test.go", `package machine_test; import _ "github.com/some/lib"`,
			"machine/a_test.go:1: machine (2a) may not import github.com/some/lib: it is for the kernel"},
		{"third party, a longer name", "kernel/a.go", `package kernel; import _ "github.com/some/library"`,
			"kernel/a.go:1: kernel (3a) may not import github.com/some/library: the table knows no such dependency"},
		{"third party, tests", "leaf/a_test.go", `package leaf; import _ "github.com/test/only/cmp"`, ""},
		{"third party, tests only", "kernel/a.go", `package kernel; import _ "github.com/test/only/cmp"`,
			"kernel/a.go:1: kernel (3a) may not import github.com/test/only/cmp: it is for tests"},
		{"oracle, external test", "machine/a_test.go", `package machine_test; import _ "github.com/some/oracle"`, ""},
		{"oracle, test inside", "machine/a_test.go", `package machine; import _ "github.com/some/oracle"`,
			"machine/a_test.go:1: machine (2a) may not import github.com/some/oracle: it is an oracle"},
		{"oracle, product", "machine/a.go", `package machine; import _ "github.com/some/oracle"`,
			"machine/a.go:1: machine (2a) may not import github.com/some/oracle: it is an oracle"},

		{"support may do I/O", "machine/machinetest/a.go", `package machinetest; import _ "os/exec"; func f() { go f() }`, ""},
		{"support does not wait", "machine/machinetest/a.go", `package machinetest; import "time"; var f = time.Sleep`,
			"machine/machinetest/a.go:1: machine/machinetest (2a) may not use time.Sleep: instants are machine.Time and come with every call"},
		{"support stays on its step", "machine/machinetest/a.go", `package machinetest; import _ "` + lib + `top"`,
			"machine/machinetest/a.go:1: machine/machinetest (2a) may not import " + lib + "top: it stands on a higher floor (4)"},
		{"support in a test", "machine/part/a_test.go", `package part; import _ "` + lib + `machine/machinetest"`, ""},
		{"support in the product", "top/a.go", `package top; import _ "` + lib + `machine/machinetest"`,
			"top/a.go:1: top (4) may not import " + lib + "machine/machinetest: it is for tests alone"},

		{"cgo", "top/a.go", `package top; import "C"`,
			"top/a.go:1: top (4) may not import C: the product is built without cgo"},

		{"net", "machine/a.go", `package machine; import _ "net"`,
			"machine/a.go:1: machine (2a) may not import net: sockets are I/O"},
		{"net/http", "machine/a.go", `package machine; import _ "net/http"`,
			"machine/a.go:1: machine (2a) may not import net/http: sockets are I/O"},
		{"net/netip", "machine/a.go", `package machine; import _ "net/netip"`, ""},
		{"os", "leaf/a.go", `package leaf; import _ "os"`,
			"leaf/a.go:1: leaf (1a) may not import os: files and processes are I/O"},
		{"os in a test", "leaf/a_test.go", `package leaf; import _ "os"`, ""},
		{"os on floor 3", "kernel/a.go", `package kernel; import _ "os"`, ""},
		{"syscall", "leaf/a.go", `package leaf; import _ "syscall"`,
			"leaf/a.go:1: leaf (1a) may not import syscall: system calls are I/O"},
		{"crypto/rand", "bytes/a.go", `package bytes; import _ "crypto/rand"`,
			"bytes/a.go:1: bytes (1b) may not import crypto/rand: entropy is injected as an io.Reader"},
		{"crypto/sha256", "bytes/a.go", `package bytes; import _ "crypto/sha256"`, ""},
		{"math/rand", "bytes/a.go", `package bytes; import _ "math/rand"`,
			"bytes/a.go:1: bytes (1b) may not import math/rand: random streams are injected and come from math/rand/v2"},
		{"log/slog", "bytes/a.go", `package bytes; import _ "log/slog"`,
			"bytes/a.go:1: bytes (1b) may not import log/slog: logging is I/O; a machine has a Tracer"},
		{"sync/atomic", "bytes/a.go", `package bytes; import _ "sync/atomic"`,
			"bytes/a.go:1: bytes (1b) may not import sync/atomic: a machine is driven by one caller at a time"},
		{"dot import", "bytes/a.go", `package bytes; import . "time"`,
			"bytes/a.go:1: bytes (1b) may not use a dot import: it hides what a name belongs to"},

		{"time.Now", "leaf/a.go", "package leaf\n\nimport \"time\"\n\nfunc f() time.Time {\n\treturn time.Now()\n}",
			"leaf/a.go:6: leaf (1a) may not use time.Now: instants are machine.Time and come with every call"},
		{"time.Now as a value", "leaf/a.go", `package leaf; import t "time"; var now = t.Now`,
			"leaf/a.go:1: leaf (1a) may not use time.Now: instants are machine.Time and come with every call"},
		{"durations", "leaf/a.go", `package leaf; import "time"; const d = 3 * time.Second; func f(t time.Time) time.Time { return t.Add(d) }`, ""},
		{"not the package", "leaf/a.go", `package leaf; import "time"; func f(time interface{ Now() int }) int { return time.Now() }; var _ = time.Second`, ""},
		{"time.Now on floor 3", "kernel/a.go", `package kernel; import "time"; var now = time.Now()`, ""},
		{"a test that sleeps", "machine/a_test.go", `package machine_test; import "time"; func f() { time.Sleep(1) }`,
			"machine/a_test.go:1: machine (2a) may not use time.Sleep: instants are machine.Time and come with every call"},
		{"a test that measures", "machine/a_test.go", `package machine_test; import "time"; var start = time.Now()`, ""},
		{"the global random source", "machine/a.go", `package machine; import "math/rand/v2"; var n = rand.IntN(6)`,
			"machine/a.go:1: machine (2a) may not use math/rand/v2.IntN: it draws from the global source; streams are injected"},
		{"an injected random stream", "machine/a.go", `package machine; import "math/rand/v2"; func f(r *rand.Rand) int { return r.IntN(6) }`, ""},
		{"fmt.Println", "leaf/a.go", `package leaf; import "fmt"; func f() { fmt.Println() }`,
			"leaf/a.go:1: leaf (1a) may not use fmt.Println: the console is I/O"},
		{"fmt.Sprintf", "leaf/a.go", `package leaf; import "fmt"; func f() string { return fmt.Sprintf("x") }`, ""},

		{"goroutine", "machine/a.go", "package machine\n\nfunc f() {\n\tgo f()\n}",
			"machine/a.go:4: machine (2a) may not use a go statement: machines and codecs run in their caller's goroutine alone"},
		{"goroutine on floor 3", "kernel/a.go", "package kernel; func f() { go f() }", ""},
		{"goroutine in a test", "machine/a_test.go", "package machine; func f() { go f() }", ""},
		{"channel", "machine/a.go", "package machine; type t struct{ c <-chan int }",
			"machine/a.go:1: machine (2a) may not use a channel: machines and codecs run in their caller's goroutine alone"},
		{"send", "machine/a.go", "package machine; func f() { c <- 1 }",
			"machine/a.go:1: machine (2a) may not use a channel: machines and codecs run in their caller's goroutine alone"},
		{"receive", "machine/a.go", "package machine; func f() int { return <-c }",
			"machine/a.go:1: machine (2a) may not use a channel: machines and codecs run in their caller's goroutine alone"},
		{"select", "machine/a.go", "package machine; func f() { select {} }",
			"machine/a.go:1: machine (2a) may not use select: machines and codecs run in their caller's goroutine alone"},
		{"panic", "bytes/a.go", `package bytes; func f() { panic("x") }`,
			"bytes/a.go:1: bytes (1b) may not use panic: input of others reaches this floor: return an error or count a drop"},
		{"panic on floor 3", "kernel/a.go", `package kernel; func f() { panic("x") }`, ""},
		{"println", "bytes/a.go", `package bytes; func f() { println("x") }`,
			"bytes/a.go:1: bytes (1b) may not use print: the console is I/O"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, files, err := check(fstest.MapFS{tc.file: {Data: []byte(tc.src)}}, fixture)
			if err != nil {
				t.Fatal(err)
			}
			if files != 1 {
				t.Errorf("%d files read, want 1", files)
			}
			if strings.Join(got, "\n") != tc.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), tc.want)
			}
		})
	}
}

// TestTree checks which files are read, and that every one of them counts.
func TestTree(t *testing.T) {
	bad := &fstest.MapFile{Data: []byte("package x\nfunc f() { go f() }\n")}
	got, files, err := check(fstest.MapFS{
		"leaf/bad.go":          bad,
		"machine/part/bad.go":  bad,
		"testdata/bad.go":      bad,
		"leaf/notes.txt":       bad,
		".git/bad.go":          bad,
		"leaf/_old/bad.go":     bad,
		"vendor/x/bad.go":      bad,
		"bench/go.mod":         {Data: []byte("module bench\n")},
		"bench/inner/bad.go":   bad,
		"machine/testdata/a.c": bad,
	}, fixture)
	if err != nil {
		t.Fatal(err)
	}
	var at []string
	for _, f := range got {
		at = append(at, f[:strings.Index(f, " ")])
	}
	want := []string{"leaf/bad.go:2:", "machine/part/bad.go:2:", "testdata/bad.go:2:"}
	if files != 3 || !slices.Equal(at, want) {
		t.Errorf("%d files, findings at %q, want 3 at %q", files, at, want)
	}
}

func TestExceptions(t *testing.T) {
	src := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	tree := fstest.MapFS{
		"leaf/a.go":    src(`package leaf; import _ "syscall"`),
		"leaf/b.go":    src(`package leaf; import _ "syscall"`),
		"machine/a.go": src(`package machine; func f() { panic("a") }`),
		"machine/b.go": src(`package machine; func f() { panic("b") }`),
		"cellar/a.go":  src(`package cellar`),
	}
	house := fixture
	house.exceptions = []exception{
		{"leaf", "syscall", "a whole room"},
		{"machine/a.go", wordPanic, "one file"},
		{"machine/b.go", wordGo, "another thing than what it does"},
		{"cellar", wordUnknown, "a room to be"},
	}
	got, _, err := check(tree, house)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"machine/b.go:1: machine (2a) may not use panic: input of others reaches this floor: return an error or count a drop",
		"table: the exception of machine/b.go for a go statement is not needed: remove it",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRefusals(t *testing.T) {
	tree := fstest.MapFS{"leaf/a.go": {Data: []byte("package leaf")}}
	for name, rows := range map[string][]row{
		"a room twice":      {{"1a", []string{"leaf"}}, {"2a", []string{"leaf"}}},
		"no step":           {{"", []string{"leaf"}}},
		"a step of letters": {{"aa", []string{"leaf"}}},
		"a long step":       {{"10a", []string{"leaf"}}},
	} {
		if _, _, err := check(tree, table{rows: rows}); err == nil {
			t.Errorf("%s: the table was accepted", name)
		}
	}
	broken := fstest.MapFS{"leaf/a.go": {Data: []byte("package leaf; func {")}}
	if _, _, err := check(broken, fixture); err == nil {
		t.Error("a file that does not parse was accepted")
	}
}

// TestTable checks what the rows themselves promise.
func TestTable(t *testing.T) {
	last := ""
	known := make(map[string]bool)
	for _, r := range house.rows {
		if r.step < last {
			t.Errorf("row %s of %s stands after %s: rows go from the bottom up", r.step, r.rooms[0], last)
		}
		last = r.step
		for _, room := range r.rooms {
			known[room] = true
		}
	}
	for room := range house.support {
		if !known[room] {
			t.Errorf("%s is for tests alone, but is not a room", room)
		}
	}
	for _, r := range house.foreign {
		if r.why == "" || !r.tests && len(r.rooms) == 0 {
			t.Errorf("%s: no reason or no rooms", r.path)
		}
		for _, room := range r.rooms {
			if !known[room] && !strings.HasSuffix(room, "/...") {
				t.Errorf("%s is for %s, which is not a room", r.path, room)
			}
		}
	}
	for _, e := range house.exceptions {
		if e.why == "" {
			t.Errorf("the exception of %s for %s has no reason", e.where, e.what)
		}
	}
}
