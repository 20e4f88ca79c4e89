//! One input as numbers and texts.

/// Cuts an input at its bytes 0xff, which are in no UTF-8 text.
pub(super) struct Input<'a> {
    numbers: std::slice::Iter<'a, u8>,
    texts: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
}

impl<'a> Input<'a> {
    /// The first part gives the numbers, the others are texts.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut input = Self::of_texts(bytes);
        input.numbers = input.texts.next().unwrap_or_default().iter();
        input
    }

    /// All parts are texts.
    pub(super) fn of_texts(bytes: &'a [u8]) -> Self {
        Self { numbers: [].iter(), texts: Box::new(bytes.split(|&byte| byte == 0xff)) }
    }

    /// The next number; 0 where there are no more.
    pub(super) fn number(&mut self) -> u8 {
        self.numbers.next().copied().unwrap_or_default()
    }

    /// One of these.
    pub(super) fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.number()) % from.len()]
    }

    /// The next part as it is; empty where there are no more.
    pub(super) fn bytes(&mut self) -> &'a [u8] {
        self.texts.next().unwrap_or_default()
    }

    /// The next part as text, for the outside world brings nothing else past the decoders.
    pub(super) fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// All parts that are left, as texts.
    pub(super) fn rest(self) -> impl Iterator<Item = String> {
        self.texts.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}
