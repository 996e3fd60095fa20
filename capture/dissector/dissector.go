package dissector

import _ "embed"

//go:generate env MPSTACK_UPDATE=1 go test -run=^TestGenerated$ .

//go:embed mpj.lua
var lua []byte

// Lua returns the text of mpj.lua. The caller may change it.
func Lua() []byte { return append([]byte(nil), lua...) }

// Name is the file name that the plug-in goes by.
const Name = "mpj.lua"
