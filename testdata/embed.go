// Package testdata embeds the demonstration's scenario and golden capture, so
// that an installed program has them anywhere. Beside it lie the other
// scenarios (scenarios/) and goldens (pcaps/, with MANIFEST), for tests; the
// goldens are rewritten by running the scenarios, never by hand.
package testdata

import _ "embed"

// DemoName names the demonstration's scenario file in messages.
const DemoName = "testdata/scenarios/demo.yaml"

// DemoScenario is scenarios/demo.yaml.
//
//go:embed scenarios/demo.yaml
var DemoScenario []byte

// DemoGolden is pcaps/demo.pcapng: the demonstration on mem, with the
// scenario's own seed.
//
//go:embed pcaps/demo.pcapng
var DemoGolden []byte
