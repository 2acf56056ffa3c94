package asset

import (
	"fmt"
	"math"
)

// rgb is a colour of sRGB, as a browser would write it.
type rgb struct{ r, g, b uint8 }

func (c rgb) hex() string { return fmt.Sprintf("%02x%02x%02x", c.r, c.g, c.b) }

var (
	white = rgb{255, 255, 255}
	black = rgb{0, 0, 0}
)

// linear undoes the transfer function of sRGB (IEC 61966-2-1), for one channel.
func linear(v uint8) float64 {
	f := float64(v) / 255
	if f <= 0.04045 {
		return f / 12.92
	}
	return math.Pow((f+0.055)/1.055, 2.4)
}

// encode is linear's inverse; ok is false for a value that sRGB cannot show, which is clamped.
func encode(f float64) (v uint8, ok bool) {
	const slack = 0.0005 // less than half a step of 8 bits
	ok = f >= -slack && f <= 1+slack
	f = min(1, max(0, f))
	if f <= 0.0031308 {
		f *= 12.92
	} else {
		f = 1.055*math.Pow(f, 1/2.4) - 0.055
	}
	return uint8(math.Round(f * 255)), ok
}

// luminance is the relative luminance of WCAG 2.2.
func (c rgb) luminance() float64 {
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b rgb) float64 {
	la, lb := a.luminance(), b.luminance()
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// oklch is a colour by lightness (0…1), chroma and hue (radians): changing one leaves what people
// see of the others (Björn Ottosson, "A perceptual color space for image processing").
type oklch struct{ l, c, h float64 }

func (c rgb) oklch() oklch {
	r, g, b := linear(c.r), linear(c.g), linear(c.b)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	x := 1.9779984951*l - 2.4285922050*m + 0.4505937099*s
	y := 0.0259040371*l + 0.7827717662*m - 0.8086757660*s
	return oklch{
		l: 0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		c: math.Hypot(x, y),
		h: math.Atan2(y, x),
	}
}

// rgb returns the colour, or one of the same lightness and hue with as much of the chroma as sRGB
// can show.
func (o oklch) rgb() rgb {
	o.l = min(1, max(0, o.l))
	if c, ok := o.exact(); ok {
		return c
	}
	low, high := 0.0, o.c
	for range 20 {
		o.c = (low + high) / 2
		if _, ok := o.exact(); ok {
			low = o.c
		} else {
			high = o.c
		}
	}
	o.c = low
	c, _ := o.exact()
	return c
}

// exact returns the colour, clamped where ok is false.
func (o oklch) exact() (c rgb, ok bool) {
	x, y := o.c*math.Cos(o.h), o.c*math.Sin(o.h)
	l := cube(o.l + 0.3963377774*x + 0.2158037573*y)
	m := cube(o.l - 0.1055613458*x - 0.0638541728*y)
	s := cube(o.l - 0.0894841775*x - 1.2914855480*y)
	r, okR := encode(4.0767416621*l - 3.3077115913*m + 0.2309699292*s)
	g, okG := encode(-1.2684380046*l + 2.6097574011*m - 0.3413193965*s)
	b, okB := encode(-0.0041960863*l - 0.7034186147*m + 1.7076147010*s)
	return rgb{r, g, b}, okR && okG && okB
}

func cube(f float64) float64 { return f * f * f }

// reach moves the lightness of c by steps of sign until c and every ground are at least ratio
// apart, or it can move no further.
func reach(c oklch, sign, ratio float64, grounds ...rgb) oklch {
	for !apart(c.rgb(), ratio, grounds) {
		l := min(1, max(0, c.l+sign*0.005))
		if l == c.l {
			break
		}
		c.l = l
	}
	return c
}

func apart(c rgb, ratio float64, grounds []rgb) bool {
	for _, g := range grounds {
		if contrast(c, g) < ratio {
			return false
		}
	}
	return true
}
