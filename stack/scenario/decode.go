package scenario

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// position is where a value begins in its file, both counted from 1.
type position struct{ line, column int }

// Error is a mistake in a scenario.
type Error struct {
	File         string // as given to Parse; empty for a scenario built in Go
	Line, Column int    // from 1; 0 where unknown
	Path         string // "steps[3].join.flags"; empty for what has none
	Text         string // what is wrong, and what to do
}

// Error returns "file:line:column: path: text".
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteString(" ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	return b.String() + e.Text
}

// Parse reads a scenario and checks it. file names it in errors. Every mistake
// is an [Error]; several come joined.
func Parse(file string, data []byte) (*Scenario, error) {
	sc := &Scenario{file: file, at: make(map[string]position)}
	root, err := parseDocument(file, data)
	if err != nil {
		return nil, err
	}
	d := decoder{sc: sc, anchors: make(map[string]ast.Node)}
	d.value(root, reflect.ValueOf(sc).Elem(), "")
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	if err := sc.Check(); err != nil {
		return nil, err
	}
	return sc, nil
}

// Load reads the scenario file at path.
func Load(path string) (*Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data)
}

// parseDocument returns the one document in data.
func parseDocument(file string, data []byte) (ast.Node, error) {
	f, err := parser.ParseBytes(data, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
			p := e.GetToken().Position
			return nil, &Error{File: file, Line: p.Line, Column: p.Column, Text: "YAML: " + e.GetMessage()}
		}
		return nil, &Error{File: file, Text: "YAML: " + err.Error()}
	}
	switch {
	case len(f.Docs) > 1 && f.Docs[1].Body != nil:
		p := at(f.Docs[1].Body)
		return nil, &Error{File: file, Line: p.line, Column: p.column, Text: "a second document; a file holds one scenario"}
	case len(f.Docs) == 0 || f.Docs[0].Body == nil:
		return nil, &Error{File: file, Line: 1, Column: 1, Text: "the file holds no scenario"}
	}
	return f.Docs[0].Body, nil
}

func at(n ast.Node) position {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return at(m.Values[0].Key) // a block mapping's own token is its first colon
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return at(m.Key)
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return position{}
	}
	return position{t.Position.Line, t.Position.Column}
}

// decoder fills Go values from YAML nodes. It notes where each value stands and
// goes on after a mistake.
type decoder struct {
	sc      *Scenario
	anchors map[string]ast.Node
	errs    []error
}

func (d *decoder) fail(n ast.Node, path, format string, args ...any) {
	p := at(n)
	d.errs = append(d.errs, &Error{
		File: d.sc.file, Line: p.line, Column: p.column, Path: path, Text: fmt.Sprintf(format, args...),
	})
}

// resolve follows anchors and aliases.
func (d *decoder) resolve(n ast.Node, path string) (ast.Node, func()) {
	switch v := n.(type) {
	case *ast.AnchorNode:
		return v.Value, func() { d.anchors[v.Name.String()] = v.Value }
	case *ast.AliasNode:
		name := v.Value.String()
		target, ok := d.anchors[name]
		if !ok {
			d.fail(n, path, "no anchor &%s before this", name)
			return nil, nil
		}
		return target, nil
	}
	return n, nil
}

var durationType = reflect.TypeFor[time.Duration]()

// value decodes n to v.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	if path != "" {
		d.sc.at[path] = at(n)
	}
	n, done := d.resolve(n, path)
	if n == nil {
		return
	}
	if done != nil {
		defer done() // what an anchor names is known behind it, not inside
	}
	switch {
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case v.Type() == durationType:
		d.duration(n, v, path)
	case reflect.PointerTo(v.Type()).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		d.text(n, v, path)
	case v.Kind() == reflect.Struct:
		d.mapping(n, v, path)
	case v.Kind() == reflect.Slice:
		d.sequence(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.fail(n, path, "%s where keys with values belong: %s", describe(n), strings.Join(keys(v.Type()), ", "))
		return
	}
	for it := m.MapRange(); it.Next(); {
		key := it.Key().GetToken().Value
		field, ok := fieldOf(v.Type(), key)
		if !ok {
			d.fail(it.Key(), path, "unknown key %q; there are %s", key, strings.Join(keys(v.Type()), ", "))
			continue
		}
		d.value(it.Value(), v.FieldByIndex(field.Index), join(path, key))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keys returns the keys of a struct in the order of its declaration.
func keys(t reflect.Type) []string {
	var all []string
	for f := range t.Fields() {
		if tag := f.Tag.Get("yaml"); tag != "" {
			all = append(all, tag)
		}
	}
	return all
}

func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for f := range t.Fields() {
		if tag := f.Tag.Get("yaml"); tag != "" && tag == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func (d *decoder) sequence(n ast.Node, v reflect.Value, path string) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, path, "%s where a list belongs; write [ ] around it", describe(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, e := range s.Values {
		d.value(e, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

// words returns the text of a scalar as the file has it.
func (d *decoder) words(n ast.Node, path, want string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	d.fail(n, path, "%s where %s belongs", describe(n), want)
	return "", false
}

func (d *decoder) text(n ast.Node, v reflect.Value, path string) {
	s, ok := d.words(n, path, "a word")
	if !ok {
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		if hint := hints[v.Type()]; hint != "" {
			d.fail(n, path, "%q is no %s", s, hint)
			return
		}
		d.fail(n, path, "%v", err)
	}
}

func (d *decoder) duration(n ast.Node, v reflect.Value, path string) {
	s, ok := d.words(n, path, "a duration")
	if !ok {
		return
	}
	t, err := time.ParseDuration(s)
	if err != nil || t < 0 {
		d.fail(n, path, "%q is no duration; write one such as 250ms, 5s or 1m30s", s)
		return
	}
	v.SetInt(int64(t))
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		if s, ok := d.words(n, path, "text"); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.fail(n, path, "%s where true or false belongs", describe(n))
			return
		}
		v.SetBool(b.Value)
	default:
		d.integer(n, v, path)
	}
}

func (d *decoder) integer(n ast.Node, v reflect.Value, path string) {
	i, ok := n.(*ast.IntegerNode)
	if !ok {
		d.fail(n, path, "%s where a whole number belongs", describe(n))
		return
	}
	var number uint64
	switch x := i.Value.(type) {
	case uint64:
		number = x
	case int64:
		if x < 0 {
			d.fail(n, path, "%d is below zero", x)
			return
		}
		number = uint64(x)
	}
	limit := uint64(math.MaxInt32)
	if v.CanUint() {
		limit = math.MaxUint64 >> (64 - v.Type().Bits())
	}
	switch {
	case number > limit:
		d.fail(n, path, "%d is more than %d", number, limit)
	case v.CanUint():
		v.SetUint(number)
	default:
		v.SetInt(int64(number))
	}
}

// describe says what a node is.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return fmt.Sprintf("%q", n.GetToken().Value)
}
