package decoding

import (
	"math"
	"reflect"
	"testing"
)

// TestReuse decodes every kind of input into a value that held every other one:
// it is the same as in a value of its own, and so is the error.
func TestReuse(t *testing.T) {
	tested := 0
	for i := range decoders {
		d := &decoders[i]
		if d.reuse == nil {
			continue
		}
		tested++
		t.Run(d.name, func(t *testing.T) {
			inputs := some(d.inputs(t), 60)
			for _, before := range inputs {
				decode := d.reuse()
				for _, b := range inputs {
					_, _ = decode(before)
					got, gotErr := decode(b)
					want, wantErr := d.decode(b)
					if gotErr == nil != (wantErr == nil) || gotErr != nil && gotErr.Error() != wantErr.Error() {
						t.Fatalf("error %v, want %v\n%s", gotErr, wantErr, dump(b))
					}
					if where := differs(reflect.ValueOf(want), reflect.ValueOf(got)); where != "" {
						t.Fatalf("after\n%sdecoding\n%sgives another value%s:\n got %+v\nwant %+v", dump(before), dump(b), where, got, want)
					}
				}
			}
		})
	}
	if tested < 5 {
		t.Errorf("%d decoders that reuse a value", tested)
	}
}

// differs returns where users of two values see different things, or "": it
// looks at exported fields, and takes nil and empty slices for the same.
func differs(a, b reflect.Value) string {
	if a.IsValid() != b.IsValid() || a.IsValid() && a.Type() != b.Type() {
		return ": kinds"
	}
	if !a.IsValid() {
		return ""
	}
	if m, ok := a.Type().MethodByName("Equal"); ok && m.Type.NumIn() == 2 && m.Type.In(1) == a.Type() {
		return unless(a.MethodByName("Equal").Call([]reflect.Value{b})[0].Bool())
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return unless(a.IsNil() == b.IsNil())
		}
		if err, ok := a.Interface().(error); ok {
			return unless(err.Error() == b.Interface().(error).Error())
		}
		return differs(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return ": lengths"
		}
		for i := range a.Len() {
			if where := differs(a.Index(i), b.Index(i)); where != "" {
				return "[]" + where
			}
		}
		return ""
	case reflect.Struct:
		return differsStruct(a, b)
	case reflect.Float32: // bits: one that is no number is the same as itself
		return unless(math.Float32bits(float32(a.Float())) == math.Float32bits(float32(b.Float())))
	}
	return unless(a.Equal(b))
}

func differsStruct(a, b reflect.Value) string {
	exported := 0
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		exported++
		if where := differs(a.Field(i), b.Field(i)); where != "" {
			return "." + f.Name + where
		}
	}
	if exported == 0 { // netip.Addr and its kin
		return unless(a.Equal(b))
	}
	return ""
}

func unless(same bool) string {
	if same {
		return ""
	}
	return ": values"
}

// some returns about n of all, spread over them.
func some(all [][]byte, n int) (part [][]byte) {
	for i := 0; i < len(all); i += max(1, len(all)/n) {
		part = append(part, all[i])
	}
	return part
}
