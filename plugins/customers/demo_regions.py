"""Names, cities and prices that make demo customers look at home in a region."""

import random

import msgspec


class City(msgspec.Struct, frozen=True):
    """A city of some thousand demo customers; ``code`` begins its postal codes."""

    name: str
    province: str
    code: str
    weight: int

    def postal_code(self, dice: random.Random) -> str:
        """Return a postal code of five digits."""
        return self.code + "".join(dice.choices("0123456789", k=5 - len(self.code)))


class Region(msgspec.Struct, frozen=True):
    """What is usual in a region. ``order`` bounds what one order costs, in whole units."""

    country: str
    given_names: tuple[str, ...]
    family_names: tuple[str, ...]
    cities: tuple[City, ...]
    streets: tuple[str, ...]
    street_form: str
    sellers: tuple[str, ...]
    firms: tuple[str, ...]
    firm_forms: dict[str, str]
    mobile: tuple[str, ...]
    mobile_digits: int
    order: tuple[int, int]

    def person(self, dice: random.Random) -> str:
        """Return a person's name."""
        return f"{dice.choice(self.given_names)} {dice.choice(self.family_names)}"

    def firm(self, dice: random.Random, kind: str) -> str:
        """Return the name of a business or an office."""
        words = {"word": dice.choice(self.firms), "city": dice.choice(self.cities).name}
        return self.firm_forms[kind].format(**words, family=dice.choice(self.family_names))

    def street(self, dice: random.Random) -> str:
        """Return street and number."""
        return self.street_form.format(dice.choice(self.streets), dice.randrange(1, 240))

    def phone(self, dice: random.Random) -> str:
        """Return a mobile number in E.164."""
        rest = "".join(dice.choices("0123456789", k=self.mobile_digits - 1))
        return f"{dice.choice(self.mobile)}{dice.choice('23456789')}{rest}"


INDONESIA = Region(
    country="ID",
    given_names=(
        "Budi",
        "Siti",
        "Agus",
        "Dewi",
        "Rizky",
        "Putri",
        "Andi",
        "Ayu",
        "Joko",
        "Rina",
        "Dimas",
        "Citra",
        "Eko",
        "Fitri",
        "Hendra",
        "Indah",
        "Yusuf",
        "Maya",
        "Bayu",
        "Ratna",
        "Fajar",
        "Lestari",
        "Gilang",
        "Nurul",
        "Wahyu",
        "Sari",
        "Arif",
        "Intan",
        "Taufik",
        "Wulan",
    ),
    family_names=(
        "Santoso",
        "Wijaya",
        "Pratama",
        "Saputra",
        "Lestari",
        "Hidayat",
        "Nugroho",
        "Kusuma",
        "Siregar",
        "Hutapea",
        "Setiawan",
        "Gunawan",
        "Rahman",
        "Suryadi",
        "Permata",
        "Wibowo",
        "Maulana",
        "Purnama",
        "Halim",
        "Simanjuntak",
        "Utami",
        "Firmansyah",
        "Susanto",
        "Anggraini",
    ),
    cities=(
        City("Jakarta", "DKI Jakarta", "1", 30),
        City("Bandung", "Jawa Barat", "40", 14),
        City("Surabaya", "Jawa Timur", "60", 13),
        City("Medan", "Sumatera Utara", "20", 9),
        City("Semarang", "Jawa Tengah", "50", 7),
        City("Yogyakarta", "DI Yogyakarta", "55", 6),
        City("Tangerang", "Banten", "15", 6),
        City("Denpasar", "Bali", "80", 5),
        City("Makassar", "Sulawesi Selatan", "90", 5),
        City("Palembang", "Sumatera Selatan", "30", 5),
    ),
    streets=(
        "Sudirman",
        "Thamrin",
        "Gatot Subroto",
        "Diponegoro",
        "Ahmad Yani",
        "Merdeka",
        "Asia Afrika",
        "Gajah Mada",
        "Imam Bonjol",
        "Pahlawan",
        "Melati",
        "Kenanga",
        "Veteran",
        "Kartini",
    ),
    street_form="Jl. {} No. {}",
    sellers=(
        "PT Sinar Nusantara",
        "PT Maju Bersama",
        "CV Karya Mandiri",
        "PT Cahaya Timur",
        "PT Bumi Lestari",
        "CV Mitra Sejati",
        "PT Samudra Jaya",
        "PT Anugerah Prima",
    ),
    firms=(
        "Sumber Rejeki",
        "Berkah Abadi",
        "Mekar Sari",
        "Harapan Jaya",
        "Tirta Makmur",
        "Surya Agung",
        "Bintang Terang",
        "Rukun Tani",
        "Puncak Indah",
        "Delima Raya",
        "Langit Biru",
        "Satu Hati",
    ),
    firm_forms={
        "small_business": "Toko {word} {family}",
        "enterprise": "PT {word} {family}",
        "government": "Dinas {word} {city}",
    },
    mobile=("+62812", "+62813", "+62821", "+62856", "+62857", "+62878"),
    mobile_digits=8,
    order=(45_000, 1_250_000),
)
AMERICA = Region(
    country="US",
    given_names=(
        "James",
        "Mary",
        "Robert",
        "Patricia",
        "Michael",
        "Jennifer",
        "David",
        "Linda",
        "Daniel",
        "Elizabeth",
        "Joseph",
        "Susan",
        "Thomas",
        "Jessica",
        "Carlos",
        "Karen",
        "Anthony",
        "Nancy",
        "Kevin",
        "Sandra",
        "Brian",
        "Ashley",
        "Luis",
        "Emily",
        "Jason",
        "Michelle",
        "Ryan",
        "Grace",
    ),
    family_names=(
        "Smith",
        "Johnson",
        "Williams",
        "Brown",
        "Jones",
        "Garcia",
        "Miller",
        "Davis",
        "Rodriguez",
        "Martinez",
        "Hernandez",
        "Lopez",
        "Wilson",
        "Anderson",
        "Thomas",
        "Taylor",
        "Moore",
        "Jackson",
        "Lee",
        "Perez",
        "Thompson",
        "White",
        "Harris",
        "Clark",
        "Walker",
        "Young",
    ),
    cities=(
        City("New York", "New York", "100", 22),
        City("Los Angeles", "California", "900", 16),
        City("Chicago", "Illinois", "606", 12),
        City("Houston", "Texas", "770", 10),
        City("Phoenix", "Arizona", "850", 8),
        City("Philadelphia", "Pennsylvania", "191", 7),
        City("Seattle", "Washington", "981", 7),
        City("Denver", "Colorado", "802", 6),
        City("Boston", "Massachusetts", "021", 6),
        City("Atlanta", "Georgia", "303", 6),
    ),
    streets=(
        "Main St",
        "Oak Ave",
        "Maple St",
        "Washington Blvd",
        "Park Ave",
        "Cedar Ln",
        "Elm St",
        "Lake Dr",
        "Hill Rd",
        "Pine St",
        "2nd St",
        "Lincoln Ave",
        "Sunset Blvd",
        "River Rd",
    ),
    street_form="{1} {0}",
    sellers=("Hudson Supply Co.", "Lakeside Traders", "Summit Goods Inc.", "Bluebird Outfitters"),
    firms=(
        "Corner",
        "Evergreen",
        "Harbor",
        "Sunrise",
        "Golden Gate",
        "Liberty",
        "Pioneer",
        "Union",
        "Riverside",
        "Northside",
        "Crescent",
        "Copper Creek",
    ),
    firm_forms={
        "small_business": "{word} {family} Store",
        "enterprise": "{word} {family} Corp.",
        "government": "{word} Office of {city}",
    },
    mobile=("+1212555", "+1310555", "+1312555", "+1713555", "+1206555"),
    mobile_digits=4,
    order=(12, 320),
)
REGIONS = {"ID": INDONESIA, "US": AMERICA}
