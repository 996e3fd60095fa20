package layering

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// check reads every Go file of tree against t and returns what breaks the
// table, one line each, in the order of the files. It fails on a file that
// does not parse and on a table that contradicts itself.
func check(tree fs.FS, t table) (findings []string, files int, err error) {
	c := &checker{table: t, steps: make(map[string]place), used: make([]bool, len(t.exceptions))}
	if err := c.index(); err != nil {
		return nil, 0, err
	}
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipDir(tree, name)
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		c.files++
		return c.file(name, src)
	})
	for i, used := range c.used {
		if e := t.exceptions[i]; !used && err == nil {
			c.findings = append(c.findings, fmt.Sprintf("table: the exception of %s for %s is not needed: remove it", e.where, e.what))
		}
	}
	return c.findings, c.files, err
}

// skipDir leaves out what the go command leaves out even when it is named, and
// modules inside the module. testdata is read.
func skipDir(tree fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "vendor" || base == "node_modules" {
		return fs.SkipDir
	}
	if _, err := fs.Stat(tree, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// place is where a room stands.
type place struct {
	step string
	row  int // index into the table's rows: the family
}

func (p place) floor() int { return int(p.step[0] - '0') }

// below reports whether p is on a lower floor or a lower step of the same one.
func (p place) below(q place) bool { return p.step < q.step }

type checker struct {
	table
	steps    map[string]place
	used     []bool // which exceptions were needed
	files    int
	findings []string
}

// index fills steps.
func (c *checker) index() error {
	for i, r := range c.rows {
		if len(r.step) < 1 || len(r.step) > 2 || r.step[0] < '1' || r.step[0] > '9' {
			return fmt.Errorf("table: step %q is not a digit and a letter", r.step)
		}
		for _, room := range r.rooms {
			if _, twice := c.steps[room]; twice {
				return fmt.Errorf("table: room %s stands in two rows", room)
			}
			c.steps[room] = place{r.step, i}
		}
	}
	return nil
}

// source is one file under check.
type source struct {
	name     string // path from the top of the module
	room     string
	at       place
	test     bool // a _test.go file
	external bool // of an external _test package
	support  bool // of a room for tests alone
	fset     *token.FileSet
}

// tests reports whether the file serves tests alone.
func (s source) tests() bool { return s.test || s.support }

// pure reports whether the file must do without I/O, clocks and concurrency.
func (s source) pure() bool { return !s.tests() && s.at.floor() < pureBelow }

func (c *checker) file(name string, src []byte) error {
	s := source{name: name, room: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: token.NewFileSet()}
	f, err := parser.ParseFile(s.fset, name, src, 0)
	if err != nil {
		return err
	}
	s.external = s.test && strings.HasSuffix(f.Name.Name, "_test")
	s.support = c.support[s.room]
	var known bool
	if s.at, known = c.steps[s.room]; !known {
		if !c.excused(s, wordUnknown) {
			c.findings = append(c.findings, fmt.Sprintf("%s: %s is not a room of the house: give it a row in internal/layering/table_test.go",
				s.fset.Position(f.Name.Pos()), s.room))
		}
		return nil
	}
	for _, spec := range f.Imports {
		c.imported(s, spec)
	}
	if s.at.floor() < pureBelow {
		c.body(s, f)
	}
	return nil
}

// report adds a finding unless an exception covers it.
func (c *checker) report(s source, pos token.Pos, verb, what, why string) {
	if c.excused(s, what) {
		return
	}
	p := s.fset.Position(pos)
	c.findings = append(c.findings, fmt.Sprintf("%s:%d: %s (%s) may not %s %s: %s", p.Filename, p.Line, s.room, s.at.step, verb, what, why))
}

// excused reports whether an exception lets s do what, and marks it used.
func (c *checker) excused(s source, what string) bool {
	found := false
	for i, e := range c.exceptions {
		if e.what == what && (e.where == s.name || e.where == s.room) {
			c.used[i], found = true, true
		}
	}
	return found
}

func (c *checker) imported(s source, spec *ast.ImportSpec) {
	to, err := strconv.Unquote(spec.Path.Value)
	if err != nil { // the parser accepts nothing that gets here
		to = spec.Path.Value
	}
	why := ""
	switch first, _, _ := strings.Cut(to, "/"); {
	case within(to, module):
		why = c.inside(s, strings.TrimPrefix(strings.TrimPrefix(to, module), "/"))
	case strings.Contains(first, "."):
		why = c.outside(s, to)
	case to == "C":
		why = "the product is built without cgo"
	case s.pure():
		why = c.standard(to)
	}
	if why != "" {
		c.report(s, spec.Pos(), "import", to, why)
	}
	if s.pure() && spec.Name != nil && spec.Name.Name == "." {
		c.report(s, spec.Pos(), "use", wordDot, "it hides what a name belongs to")
	}
}

// inside says why s may not import the module's room to, or nothing.
func (c *checker) inside(s source, to string) string {
	at, known := c.steps[to]
	switch {
	case !known:
		return "it is not a room of the house"
	case c.support[to] && !s.tests():
		return "it is for tests alone"
	case s.external || at.row == s.at.row || at.below(s.at):
		return ""
	case at.floor() > s.at.floor():
		return fmt.Sprintf("it stands on a higher floor (%s)", at.step)
	case at.step > s.at.step:
		return fmt.Sprintf("it stands on a higher step (%s)", at.step)
	}
	return fmt.Sprintf("it stands on the same step (%s) and is no family", at.step)
}

// outside says why s may not import the third-party package to, or nothing.
func (c *checker) outside(s source, to string) string {
	for _, r := range c.foreign {
		switch {
		case !within(to, r.path):
			continue
		case r.tests && s.tests() || r.outer && s.external || covers(r.rooms, s.room):
			return ""
		}
		return r.why
	}
	return "the table knows no such dependency"
}

// standard says why a pure file may not import the standard library's package
// to, or nothing.
func (c *checker) standard(to string) string {
	for _, b := range c.banned {
		if within(to, b.path) && !slices.ContainsFunc(b.but, func(p string) bool { return within(to, p) }) {
			return b.why
		}
	}
	return ""
}

// within reports whether p is dir or below it.
func within(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// covers reports whether room is one of rooms.
func covers(rooms []string, room string) bool {
	return slices.ContainsFunc(rooms, func(r string) bool {
		if dir, deep := strings.CutSuffix(r, "/..."); deep {
			return within(room, dir)
		}
		return r == room
	})
}

// body looks for clocks and concurrency in a file below pureBelow. Of what
// serves tests it asks only that it does not wait.
func (c *checker) body(s source, f *ast.File) {
	names := imports(f)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			c.selector(s, sel, names)
		}
		if s.pure() {
			c.construct(s, n)
		}
		return true
	})
}

// imports maps the name under which f knows a package to its path.
func imports(f *ast.File) map[string]string {
	names := make(map[string]string)
	for _, spec := range f.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		name := path.Base(p)
		if name == "v2" {
			name = path.Base(path.Dir(p))
		}
		names[cmp.Or(importName(spec), name)] = p
	}
	return names
}

func importName(spec *ast.ImportSpec) string {
	if spec.Name == nil {
		return ""
	}
	return spec.Name.Name
}

// selector looks at pkg.Name, called or not: a function value calls later.
func (c *checker) selector(s source, sel *ast.SelectorExpr, names map[string]string) {
	id, ok := sel.X.(*ast.Ident)
	if !ok || id.Obj != nil { // Obj: a local name shadows the package
		return
	}
	name := sel.Sel.Name
	why := ""
	switch names[id.Name] {
	case "time":
		waits, listed := clock[name]
		if waits || listed && !s.tests() {
			why = "instants are machine.Time and come with every call"
		}
	case "math/rand/v2":
		if !s.tests() && !seeded[name] {
			why = "it draws from the global source; streams are injected"
		}
	case "fmt":
		if !s.tests() && console[name] {
			why = "the console is I/O"
		}
	}
	if why != "" {
		c.report(s, sel.Pos(), "use", names[id.Name]+"."+name, why)
	}
}

// construct looks at one node for concurrency and panics.
func (c *checker) construct(s source, n ast.Node) {
	const alone = "machines and codecs run in their caller's goroutine alone"
	switch n := n.(type) {
	case *ast.GoStmt:
		c.report(s, n.Pos(), "use", wordGo, alone)
	case *ast.SelectStmt:
		c.report(s, n.Pos(), "use", wordSelect, alone)
	case *ast.ChanType, *ast.SendStmt:
		c.report(s, n.Pos(), "use", wordChan, alone)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			c.report(s, n.Pos(), "use", wordChan, alone)
		}
	case *ast.CallExpr:
		id, ok := n.Fun.(*ast.Ident)
		if !ok || id.Obj != nil {
			return
		}
		switch id.Name {
		case "panic":
			c.report(s, n.Pos(), "use", wordPanic, "input of others reaches this floor: return an error or count a drop")
		case "print", "println":
			c.report(s, n.Pos(), "use", wordPrint, "the console is I/O")
		}
	}
}
