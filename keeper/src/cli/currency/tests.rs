use proptest::prelude::*;

use super::*;

fn token(symbol: Option<&str>, decimals: Option<u8>) -> Currency {
    Currency::Token(Token { address: Address::repeat_byte(7), symbol: symbol.map(str::to_owned), decimals })
}

fn read(currency: &Currency, text: &str) -> Result<U256> {
    currency.read(&text.parse()?, "--fee")
}

#[test]
fn amounts_are_in_the_units_of_what_is_paid_in() {
    let money = token(Some("USDC"), Some(6));
    for (text, units) in
        [("1.5", 1_500_000), ("2", 2_000_000), ("0.000001", 1), ("3 USDC", 3_000_000), ("3usdc", 3_000_000)]
    {
        assert_eq!(read(&money, text).unwrap(), U256::from(units), "{text}");
    }
    for wrong in ["1.0000001", "1ether", "1 DAI", "-1", "1.", ".5", "1.2.3", "", "1e6"] {
        assert!(read(&money, wrong).is_err(), "{wrong:?}");
    }
    assert_eq!(read(&Currency::Coin, "0.05ether").unwrap(), U256::from(50_000_000_000_000_000_u64));
    assert_eq!(read(&Currency::Coin, "12").unwrap(), U256::from(12));
    for wrong in ["1.5", "1 USDC", "0.0000000000000000001ether"] {
        assert!(format!("{:#}", read(&Currency::Coin, wrong).unwrap_err()).contains("--fee"), "{wrong:?}");
    }
    let mute = token(None, None);
    assert_eq!(read(&mute, "15").unwrap(), U256::from(15));
    assert!(read(&mute, "1.5").is_err());
    assert!(read(&token(None, Some(0)), "1.5").is_err());
}

#[test]
fn what_is_shown_says_which_money_it_is() {
    let amount = U256::from(1_500_000);
    assert_eq!(token(Some("USDC"), Some(6)).show(amount), "1.5 USDC");
    assert!(token(None, Some(6)).show(amount).starts_with("1.5 of token 0x0707"));
    assert!(token(Some("USDC"), None).show(amount).starts_with("1500000 of the smallest unit of token 0x0707"));
    assert_eq!(Currency::Coin.show(U256::from(10_u64.pow(18))), "1 ether");
    assert!(token(Some("USDC"), None).to_string().starts_with("USDC (0x0707"));
}

#[test]
fn tokens_are_named_by_address_or_symbol() {
    let address = Address::repeat_byte(7);
    assert_eq!(address.to_string().parse::<TokenName>().unwrap(), TokenName::Address(address));
    assert_eq!("USDC".parse::<TokenName>().unwrap(), TokenName::Symbol("USDC".to_owned()));
    for wrong in ["0x12", "", "ether", "a b", "\u{1b}"] {
        assert!(wrong.parse::<TokenName>().is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(units: u128, decimals in 0_u8..=MAX_DECIMALS) {
        let money = token(None, Some(decimals));
        let amount = U256::from(units);
        prop_assert_eq!(read(&money, &money.write(amount)).unwrap(), amount);
        prop_assert_eq!(read(&Currency::Coin, &Currency::Coin.write(amount)).unwrap(), amount);
    }

    #[test]
    fn no_text_panics(text in ".{0,40}", decimals in 0_u8..=MAX_DECIMALS) {
        let _ = (read(&token(Some("X"), Some(decimals)), &text), read(&Currency::Coin, &text), text.parse::<TokenName>());
    }
}
