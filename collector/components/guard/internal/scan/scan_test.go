package scan

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

func field(number uint64, content []byte) []byte {
	out := binary.AppendUvarint(nil, number<<3|2)
	out = binary.AppendUvarint(out, uint64(len(content)))
	return append(out, content...)
}

// nested returns an attribute value of lists within lists.
func nested(depth int) []byte {
	value := []byte{}
	for range depth {
		value = field(5, field(1, value))
	}
	return value
}

func withAttribute(value []byte) []byte {
	name := field(1, append(field(1, []byte("service.name")), field(2, field(1, []byte("shop")))...))
	span := field(9, append(field(1, []byte("k")), field(2, value)...))
	return field(1, append(field(1, name), field(2, field(2, span))...))
}

func TestNesting(t *testing.T) {
	limits := Limits{Nesting: 32, Messages: 1000}
	for depth, refused := range map[int]bool{0: false, 32: false, 33: true, 300: true} {
		found, err := Traces(withAttribute(nested(depth)), limits)
		if errors.Is(err, ErrNesting) != refused {
			t.Errorf("%d levels: %v", depth, err)
		}
		if found.Service != "shop" {
			t.Errorf("%d levels: the service is %q", depth, found.Service)
		}
	}
}

func TestMessages(t *testing.T) {
	body := []byte(strings.Repeat("\x0a\x00", 101)) // empty resources
	for _, scan := range []func([]byte, Limits) (Result, error){Metrics, Traces} {
		if _, err := scan(body, Limits{Nesting: 1, Messages: 100}); !errors.Is(err, ErrMessages) {
			t.Errorf("101 messages: %v", err)
		}
		if found, err := scan(body, Limits{Nesting: 1, Messages: 101}); err != nil || found.Messages != 101 {
			t.Errorf("101 messages: %v, %v", found, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	for name, body := range map[string]string{
		"length beyond the end": "\x0a\x7f", "no length": "\x0a", "a group": "\x0b\x0c", "wire type 7": "\x0f",
		"half a number": "\x08\xff", "half a double": "\x09\x00", "length of 64 bits": "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	} {
		if _, err := Metrics([]byte(body), Limits{Nesting: 1, Messages: 9}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSON(t *testing.T) {
	limits := Limits{Nesting: 4, Messages: 100}
	deep := strings.Repeat("[", 29) + strings.Repeat("]", 29)
	for body, want := range map[string]error{
		deep:                       ErrNesting,
		`{"a":"` + deep + `"}`:     nil,
		`{"a":"\"` + deep + `"}`:   nil,
		`{"a":"\\"}` + deep:        ErrNesting,
		strings.Repeat("{}", 101):  ErrMessages,
		strings.Repeat("{},", 100): nil,
		"{\"a\":\"\xff\"}":         ErrMalformed,
	} {
		if _, err := JSON([]byte(body), limits); !errors.Is(err, want) {
			t.Errorf("%.20s: %v", body, err)
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(withAttribute(nested(3)))
	f.Fuzz(func(t *testing.T, body []byte) {
		limits := Limits{Nesting: 8, Messages: 50}
		for _, scan := range []func([]byte, Limits) (Result, error){Metrics, Traces, JSON} {
			if found, err := scan(body, limits); err == nil && found.Messages > limits.Messages {
				t.Errorf("%d messages passed", found.Messages)
			}
		}
	})
}
