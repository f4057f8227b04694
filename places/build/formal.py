"""Formal words of area names in many languages, and names without them: "County of Kent" is Kent."""

from __future__ import annotations

import re

from place import fold

_AFTER = """
State Province County Region Oblast Oblast’ Oblast' oblastʹ oblasti Krai Kray Prefecture Subprefecture Sub-Prefecture
Governorate District Subregion Department Division Canton Republic Parish Municipality Commune City Ward Borough Barrio
Barrio-Pueblo Voivodeship Territory Metropolis Emirate Atoll Regency Raion Rayon Okrug Wilaya
Sheng Shi Qu Xian Diqu Zizhizhou Gun Changwat İlçesi ili vilayeti eyaleti bölgesi aimag khoshuu
län fylke kommun kommune lääni maakunta sýsla vald linn maakond novads pagasts apskritis Stadt
kraj pokrajina županija megye vármegye tartomány Járás oblysy viloyati velayaty
область области вобласць край обл. район округ окръг област аймаг судани вилояти вилояты облысы მხარე
"""
_AFTER_LONG = """
Autonomous Region|Autonomous Okrug|Autonomous Oblast|Autonomous Republic|Autonomous Province|Autonomous Community
Autonomous Area|Autonomous Prefecture|Uyghur Autonomous Region|Hui Autonomous Region|Zhuang Autonomous Region
Special Region|Special Administrative Region|Special Capital Region|Capital Region|Federal Territory|Union Territory
Indigenous Region|Census Area|City and Borough|Metropolitan City|Special City|Special Self-Governing Province
Special Self-Governing City|District Municipality|Metropolitan Municipality|Regional Unit
автономный округ|автономная область
"""
_BEFORE_OF = """
State|Province|County|Region|Department|District|Governorate|Prefecture|Principality|Republic|Free State|City
Metropolitan Borough|London Borough|Royal Borough|City and Borough|City and County|Urban Municipality|Borough|Canton
Duchy|Kingdom|Territory|Community|Municipality|Emirate|Autonomous Region|Autonomous Community|Regional Unit|Commune
"""
_BEFORE = """
County|Land|Freistaat|Kanton|Regierungsbezirk|Landkreis|Kreis|Bezirk|Politischer Bezirk|Kreisfreie Stadt|Provinz
Canton|Département|Région|Region|Province|Arrondissement|Gouvernorat|Wilaya|Préfecture|Cercle|Commune|Délégation|Daïra
Departamento|Provincia|Partido|Estado|Comunidad|Comunidad Autónoma|Comunitat|Región|Región Metropolitana|Municipio
Cantón|Distrito|Região Autónoma|Regione|Città metropolitana|Libero consorzio comunale|Provincie|Gemeente
Powiat|Województwo|Obwód|Gmina|Județul|Județ|Comuna|Oraş|Oraș|Municipiul|Okres|Opština|Općina|Grad|Obshtina
Bashkia|Komuna|Respublika|Republika|Nomós|Periféreia|Dimos|Kabupaten|Kota|Provinsi|Daerah Istimewa|Daerah|Negeri
Bahagian|Tỉnh|Thành phố|Thị xã|Huyện|Quận|Changwat|Amphoe|Srŏk|Krŏng|Muḩāfaz̧at|Mohafazat|Mu‘tamadīyat|Wilāyat
Ostān-e|Shahrestān-e|Республика|город|округ|уезд|محافظة|ولاية|إمارة|منطقة|استان|מחוז|จังหวัด|อำเภอ
"""
_EAST_ASIAN = re.compile(
    r"(?:壮族|壯族|回族|维吾尔|維吾爾)?(?:自治区|自治區|特别行政区|特別行政區|自治州|连邦直轄区|連邦管区)$|"
    r"(?:特別市|特别市|廣域市|广域市|広域市|特別自治道|特別自治市|共和国|共和國|直轄市|直辖市|地方|大区|大區|地区|地區|首都圏)$|"
    r"[都府県縣县省州邦郡市区區道]$|(?:특별자치도|특별자치시|특별시|광역시|자치도|주|(?<![북남])도|시|현|성|구|군)$"
)
_KEPT_WHOLE = {"北海道"}
_SUFFIX = re.compile(r"(?<=[^\W\d_]{3})-(?:ken|fu|to|do|si|shi|ku|gun|machi|cho|chō|mura|son|gu|eup|sheng)$")
_GENERIC = """
north south east west northern southern eastern western northeast northeastern northwest northwestern southeast
southeastern southwest southwestern central centre center capital coast coastal upper lower metropolitan national
federal autonomous special islands island new greater inner outer middle mid nord sud est ouest norte sur sul este
oeste centro centrale littoral plateau plateaux atlantique highlands lakes lake river rivers mountain mountains hills
valley bay hill the la el los las le les republic state province region county city district rural urban union
federation russian free dominican african czech democratic
西部 东部 東部 中央 首都 聯邦 联邦 中西 南部 北部 中部 高原
"""
_PREPOSITION = re.compile(
    r"^(?:autonom\w+ )?(?:de la |de l['’]|del |della |dell['’]|de |di |du |des |d['’]|do |da |dos |das |of |the )"
)


def _any_of(words: str) -> str:
    """A pattern of the words, which bars or line ends divide; longer ones first."""
    return "|".join(map(re.escape, sorted(re.split(r"[|\n]", words.strip()), key=len, reverse=True)))


_before = re.compile(rf"^(?:(?:{_any_of(_BEFORE_OF)}) (?:of|in) |(?:{_any_of(_BEFORE)}) )", re.IGNORECASE)
_after = re.compile(rf" (?:{_any_of(_AFTER_LONG)}|{_any_of('|'.join(_AFTER.split()))})$", re.IGNORECASE)
_generic = {fold(word) for word in _GENERIC.split()}


def stripped(name: str) -> list[str]:
    """The name without its formal words, at most two spellings; none where nothing or only a direction is left."""
    bare = _bare(name)
    found = [bare]
    if name.casefold().endswith(" län") and bare.endswith("s"):
        found.append(bare[:-1])
    return [text for text in found if text != name and _says_something(text)]


def _bare(name: str) -> str:
    text = _before.sub("", name)
    text = _after.sub("", text) if text == name else text
    if text == name:
        text = _SUFFIX.sub("", name)
    if text == name and not name.isascii() and name not in _KEPT_WHOLE:
        text = _EAST_ASIAN.sub("", name)
    if text != name:
        text = _PREPOSITION.sub("", text)
    return text.strip(" ,-")


def _says_something(text: str) -> bool:
    folded = fold(text)
    enough = 3 if folded.isascii() else 2
    return (
        len(folded) >= enough
        and not set(folded.split()) <= _generic
        and not folded.isdigit()
        and not _starts_small(text)
    )


def _starts_small(text: str) -> bool:
    """Adjectives ("bolesławiecki") and rests of phrases; scripts without capitals are never small."""
    return text[0].islower() and "'" not in text[:3] and "’" not in text[:3]
