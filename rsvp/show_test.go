package rsvp_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mpstack/mpstack/rsvp"
	"github.com/mpstack/mpstack/wire/object"
)

// TestText: objects in one line, as the registry names their fields.
func TestText(t *testing.T) {
	for _, tc := range []struct {
		text, json string
		b          []byte
	}{
		{"SESSION IPv4/UDP: DestAddress 10.1.2.3, Protocol Id 17, Flags 0x01, DstPort 5000",
			`{"class":1,"ctype":1,"name":"SESSION","form":"IPv4/UDP","fields":[{"name":"DestAddress","value":"10.1.2.3"},{"name":"Protocol Id","value":17},{"name":"Flags","value":"0x01"},{"name":"DstPort","value":5000}]}`,
			words(1, 1, a4, 17<<24|1<<16|5000)},
		{"SENDER_TSPEC Int-serv: Version 0x00, Length in words 3, Service 6, Break bit 0x00, Service length in words 2, Parameter 128, Parameter flags 0x00, Parameter length in words 1, Maximum Packet Size [M] 1400",
			"", words(12, 2, 3, 6<<24|2, 128<<24|1, 1400)},
		{`SESSION_ATTRIBUTE LSP_TUNNEL: Setup Prio 7, Holding Prio 7, Flags 0x00, Name Length 3, Session Name "a\"b"`,
			`{"class":207,"ctype":7,"name":"SESSION_ATTRIBUTE","form":"LSP_TUNNEL","fields":[{"name":"Setup Prio","value":7},{"name":"Holding Prio","value":7},{"name":"Flags","value":"0x00"},{"name":"Name Length","value":3},{"name":"Session Name","value":"a\"b"}]}`,
			words(207, 7, 7<<24|7<<16|3, 'a'<<24|'"'<<16|'b'<<8)},
		{"class 200 C-Type 9: data 01020304", `{"class":200,"ctype":9,"fields":[{"name":"data","value":"01020304"}]}`, words(200, 9, 0x01020304)},
		{"TIME_VALUES: Refresh Period 30000", "", words(5, 1, 30000)},
		{"SCOPE IPv4: Src Address 10.1.2.3, Src Address 10.1.2.4", "", words(7, 1, a4, a4+1)},
		{"MESSAGE_ID_LIST LIST: Flags 0x00, Epoch 0x000007, Message_Identifier 1, Message_Identifier 2", "", words(25, 1, 7, 1, 2)},
		{"NULL C-Type 0:", `{"class":0,"ctype":0,"name":"NULL","fields":[]}`, words(0, 0)},
	} {
		o, _, err := object.Parse(tc.b)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(rsvp.AppendText(nil, o)); got != tc.text {
			t.Errorf("%s\nwant %s", got, tc.text)
		}
		if got := string(rsvp.AppendJSON(nil, o)); tc.json != "" && got != tc.json {
			t.Errorf("%s\nwant %s", got, tc.json)
		}
	}
}

// TestMessageText: every sample is shown whole, its JSON is valid, and every
// field that the registry names of its objects appears.
func TestMessageText(t *testing.T) {
	for _, s := range samples() {
		b := encoded(t, s.name)
		text := s.msg.String()
		if !strings.HasPrefix(text, s.msg.Type.String()+" ttl 64\n") {
			t.Errorf("%s: %s", s.name, text)
		}
		var v map[string]any
		if err := json.Unmarshal(rsvp.AppendMessageJSON(nil, b), &v); err != nil || v["type"] != s.msg.Type.String() || v["length"] != float64(len(b)) {
			t.Errorf("%s: %v %v", s.name, err, v)
		}
		if s.msg.Type == rsvp.Bundle {
			if subs := v["messages"].([]any); len(subs) != 2 || strings.Count(text, "\nPath ttl")+strings.Count(text, "\nResv ttl") != 2 {
				t.Errorf("%s: %v %s", s.name, subs, text)
			}
			continue
		}
		if got, want := len(v["objects"].([]any)), len(objects(t, b)); got != want || strings.Count(text, "\n") != want {
			t.Errorf("%s: %d objects of %d", s.name, got, want)
		}
	}
	bad := rsvp.Message{Type: rsvp.Path}
	if got := bad.String(); got != "Path: rsvp: SESSION at offset 0: missing: Path" {
		t.Error(got)
	}
	if got := string(rsvp.AppendMessageJSON(nil, []byte{1})); got != "{}" || len(rsvp.AppendMessageText(nil, []byte{1})) != 0 {
		t.Error(got)
	}
}
