"""Names that everybody knows and the free lists lack: written down by hand, public facts."""

from __future__ import annotations


def _names(block: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in block.replace("\n", ",").split(",") if name.strip())


ORGANISATIONS = _names(
    """
    Cardinals, Falcons, Ravens, Bills, Bengals, Browns, Broncos, Packers, Texans, Colts, Jaguars, Chiefs
    Raiders, Chargers, Dolphins, Vikings, Patriots, Saints, Giants, Eagles, Steelers, 49ers, Seahawks
    Buccaneers, Titans, Redskins, Dallas Cowboys, New England Patriots, Green Bay Packers, Pittsburgh Steelers
    San Francisco 49ers, Philadelphia Eagles, Yankees, Red Sox, Orioles, Blue Jays, White Sox, Indians, Royals
    Astros, Athletics, Mariners, Braves, Marlins, Mets, Phillies, Nationals, Cubs, Brewers, Dodgers, Padres
    Rockies, New York Yankees, Boston Red Sox, Chicago Cubs, Los Angeles Dodgers, St. Louis Cardinals
    San Francisco Giants, Detroit Tigers, Texas Rangers, Bruins, Sabres, Flames, Blackhawks, Avalanche, Oilers
    Canadiens, Habs, Islanders, Senators, Flyers, Penguins, Sharks, Maple Leafs, Canucks, Capitals, Red Wings
    Arsenal, Aston Villa, Chelsea, Everton, Fulham, Liverpool FC, Manchester United, Man United, Man Utd
    Manchester City, Man City, Newcastle United, Tottenham, Tottenham Hotspur, Spurs, West Ham, West Brom
    Crystal Palace, Leicester City, Southampton FC, Swansea City, Stoke City, Sunderland AFC, Norwich City
    Leeds United, Wolves, Celtic, Rangers, Hull City, Cardiff City, Real Madrid, Barcelona FC, FC Barcelona
    Barca, Atletico Madrid, Juventus, AC Milan, Inter Milan, Bayern Munich, Borussia Dortmund
    Paris Saint-Germain, PSG, Ajax, Galatasaray, LA Galaxy, NFL, NBA, MLB, NHL, MLS, UFC, WWE, FIFA, UEFA
    NASCAR, NCAA, IOC, PGA, FA, ECB, ESPN, Sky Sports, BBC, CNN, NBC, CBS, ABC News, Fox News, MSNBC, HBO, MTV
    VH1, ITV, Sky News, Al Jazeera, Reuters, Associated Press, AFP, Bloomberg, New York Times, NY Times, NYT
    Washington Post, Wall Street Journal, WSJ, Guardian, The Guardian, Daily Mail, Telegraph, Huffington Post
    HuffPost, BuzzFeed, USA Today, Time Magazine, Forbes, Vogue, Rolling Stone, Economist, The Economist
    Financial Times, Mashable, TechCrunch, Wired, NPR, PBS, Nickelodeon, Disney, Pixar, Warner Bros, Paramount
    Universal Studios, Marvel, DreamWorks, Netflix, Hulu, Spotify, Google, Apple, Microsoft, Facebook, Twitter
    Amazon, YouTube, Instagram, Snapchat, WhatsApp, LinkedIn, Pinterest, Tumblr, Reddit, Wikipedia, Yahoo, eBay
    PayPal, Uber, Lyft, Airbnb, Tesla, SpaceX, IBM, Intel, AMD, Nvidia, Oracle, Samsung, Sony, Nintendo, Sega
    Nokia, BlackBerry, HTC, LG, Huawei, Motorola, Dell, Adobe, Cisco, Mozilla, GitHub, Stack Overflow, Steam
    Valve, Blizzard, EA Sports, Ubisoft, Activision, Verizon, Sprint, T-Mobile, Comcast, Vodafone, Starbucks
    McDonald's, McDonalds, Burger King, KFC, Taco Bell, Subway, Wendy's, Chipotle, Dunkin Donuts, Pizza Hut
    Domino's, Coca-Cola, Coke, Pepsi, Walmart, Target, Costco, Best Buy, Home Depot, IKEA, Tesco, Sainsbury's
    Asda, Primark, Topshop, H&M, Zara, Nike, Adidas, Puma, Gucci, Prada, Chanel, Louis Vuitton, Sephora
    Victoria's Secret, Toyota, Honda, Ford, Chevrolet, Chevy, BMW, Audi, Mercedes, Volkswagen, Nissan, Ferrari
    Porsche, Boeing, Airbus, Delta Airlines, United Airlines, American Airlines, Southwest Airlines
    British Airways, Virgin America, JetBlue, Ryanair, EasyJet, Lufthansa, Malaysia Airlines, US Airways, FedEx
    UPS, DHL, Goldman Sachs, JP Morgan, Citibank, Bank of America, Wells Fargo, Barclays, HSBC, Lloyds, Visa
    MasterCard, American Express, Exxon, Shell, BP, Chevron, Pfizer, Monsanto, Halliburton, AT&T
    Procter & Gamble, Johnson & Johnson, FBI, CIA, NSA, NASA, FEMA, FDA, CDC, EPA, IRS, TSA, DEA, NYPD, LAPD
    MI5, MI6, GCHQ, NHS, UN, United Nations, EU, European Union, NATO, UNICEF, UNESCO, WHO, IMF, World Bank
    OPEC, OSCE, ISIS, ISIL, IS, Taliban, Al Qaeda, Hamas, Hezbollah, Boko Haram, Red Cross
    Amnesty International, Greenpeace, WikiLeaks, Anonymous, Congress, Senate, Supreme Court, White House
    Pentagon, Parliament, Labour, Labour Party, Tories, Conservatives, Lib Dems, UKIP, SNP, GOP, Republicans
    Democrats, Tea Party, ACLU, NRA, KKK, Black Lives Matter, Kremlin, Met Police, Scotland Yard, Harvard, Yale
    Princeton, MIT, Stanford, Oxford University, Cambridge University, UCLA, USC, NYU, Penn State, Ohio State
    Notre Dame, Buckeyes, Longhorns, Crimson Tide, Gators, Seminoles, Wolverines, Spartans, Badgers, Huskers
    Beatles, The Beatles, Rolling Stones, One Direction, 1D, Coldplay, U2, Radiohead, Metallica, Nirvana
    Led Zeppelin, Pink Floyd, Green Day, Foo Fighters, Linkin Park, Maroon 5, Jonas Brothers, Backstreet Boys
    NSYNC, Paramore, Fall Out Boy, Blink 182, Arctic Monkeys, Muse, Oasis, Blur, The Killers, Kings of Leon
    Big Bang, BTS, EXO, SNSD, Super Junior, 2NE1, 5SOS, Little Mix, Fifth Harmony, Spice Girls, Destiny's Child
    Wu-Tang, Black Eyed Peas, Abba, Guns N' Roses, AC/DC, Iron Maiden, Aerosmith, Queen, The Who, The Clash
    Ramones, My Chemical Romance, Evanescence
    """
)
PLACES = _names(
    """
    USA, US, U.S., U.S.A., UK, U.K., UAE, England, Scotland, Wales, Northern Ireland, Britain, Great Britain
    America, Europe, Asia, Africa, Middle East, Holland, Burma, Ivory Coast, Palestine, Gaza, West Bank
    Kurdistan, Kosovo, Crimea, NYC, NY, LA, DC, Washington DC, D.C., SF, Philly, Vegas, Las Vegas, Cali, Jersey
    NJ, Brooklyn, Manhattan, Queens, Bronx, Harlem, Staten Island, Long Island, Hollywood, Beverly Hills
    Silicon Valley, Compton, Chi-town, ATL, NOLA, H-town, Midwest, West Coast, East Coast, New England, Bay Area
    Orange County, Hamptons, Times Square, Central Park, Wall Street, Broadway, Capitol Hill, Ground Zero
    Disneyland, Disney World, Yosemite, Grand Canyon, Niagara Falls, Mount Everest, Buckingham Palace, Heathrow
    Gatwick, JFK, LAX, O'Hare, Wembley, Old Trafford, Anfield, Wimbledon, Downing Street, Trafalgar Square
    Hyde Park, Oxford Street, Soho, Camden, Brixton, Shoreditch, Notting Hill, Thames, Cornwall, Devon
    Yorkshire, Essex, Kent, Surrey, Sussex, Merseyside, Midlands, Lake District, Isle of Wight, Bali, Ibiza
    Hawaii, Maui, Waikiki, Oahu, Cancun, Bahamas, Jamaica, Caribbean, Mediterranean, Atlantic, Pacific, Arctic
    Antarctica, Siberia, Bavaria, Tuscany, Sicily, Catalonia, Andalusia, Normandy, Provence, Riviera, Kashmir
    Punjab, Kerala, Bombay, Bangalore, Gold Coast, Sunshine Coast, Tasmania, Queensland, NSW, Ontario, Quebec
    British Columbia, Alberta, Nova Scotia, BC, Latin America, South America, North America, Central America
    Southeast Asia, South East Asia, Mars, Moon
    """
)
