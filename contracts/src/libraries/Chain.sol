// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice What these contracts ask of Arbitrum's precompile at 0x64.
interface IArbSys {
    /// @notice The number of this chain's block; `block.number` there is close to that of the chain below.
    function arbBlockNumber() external view returns (uint256);
    /// @notice Reverts unless the block is one of the last 256.
    function arbBlockHash(uint256 height) external view returns (bytes32);
}

/// @notice What they ask of Arbitrum's precompile at 0x6c.
interface IArbGasInfo {
    /// @notice Wei: for a transaction, for a byte of its data (uncompressed), and four prices more.
    function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
    /// @notice Wei that the transaction under way pays for its data.
    function getCurrentTxL1GasFees() external view returns (uint256);
}

/// @notice What they ask of the predeploy at 0x42..0f on chains of the OP stack, from Fjord on.
interface IGasPriceOracle {
    /// @notice Wei that a transaction of so many bytes, without its signature, pays for its data if nothing compresses.
    function getL1FeeUpperBound(uint256 unsignedTxSize) external view returns (uint256);
}

/// @title Chain
/// @notice Number and hash of a block, and what a transaction pays for its data, where chains differ in them.
/// @dev What a chain is does not change: contracts ask `kind` in their constructors and keep it as an immutable.
/// Where blocks have two numbers, no comparison mixes them. What is about blocks that keepers see (anchors, epochs, what
/// settles or is proven until when) is in those of `number`; what is about stake (how long it is certain to be slashable,
/// and so how long a draft of stakes may take and when a place is free) is in `block.number`, in which EigenLayer counts.
library Chain {
    enum Kind {
        /// @dev blocks as the EVM has them, data paid as gas
        Plain,
        /// @dev blocks from ArbSys, a data fee from ArbGasInfo
        Arbitrum,
        /// @dev blocks as the EVM has them, a data fee from GasPriceOracle
        OpStack
    }

    /// @dev Of how many blocks before the one under way a chain knows the hash: BLOCKHASH and ArbSys alike.
    uint256 internal constant KNOWN_HASHES = 256;

    IArbSys internal constant ARB_SYS = IArbSys(0x0000000000000000000000000000000000000064);
    IArbGasInfo internal constant ARB_GAS_INFO = IArbGasInfo(0x000000000000000000000000000000000000006C);
    IGasPriceOracle internal constant GAS_PRICE_ORACLE = IGasPriceOracle(0x420000000000000000000000000000000000000F);

    /// @notice There is code where a chain of this kind has what it is asked for, but it gives no answer.
    error ChainNotUnderstood(Kind kind);

    /// @notice What this chain is, by the code at the addresses above; on other chains those are empty.
    function kind() internal view returns (Kind) {
        if (address(ARB_SYS).code.length != 0) {
            bool answers = _answers(address(ARB_SYS), abi.encodeCall(IArbSys.arbBlockNumber, ()), 32)
                && _answers(address(ARB_GAS_INFO), abi.encodeCall(IArbGasInfo.getPricesInWei, ()), 192);
            if (!answers) revert ChainNotUnderstood(Kind.Arbitrum);
            return Kind.Arbitrum;
        }
        if (address(GAS_PRICE_ORACLE).code.length != 0) {
            if (!_answers(address(GAS_PRICE_ORACLE), abi.encodeCall(IGasPriceOracle.getL1FeeUpperBound, (0)), 32)) {
                revert ChainNotUnderstood(Kind.OpStack);
            }
            return Kind.OpStack;
        }
        return Kind.Plain;
    }

    function _answers(address oracle, bytes memory question, uint256 size) private view returns (bool) {
        (bool ok, bytes memory answer) = oracle.staticcall(question);
        return ok && answer.length == size;
    }

    /// @notice The number of the block under way: the one that nodes of this chain show, and anchors bear.
    function number(Kind kind_) internal view returns (uint256) {
        return kind_ == Kind.Arbitrum ? ARB_SYS.arbBlockNumber() : block.number;
    }

    /// @notice The hash of one of the 256 blocks before the one under way.
    function hashOf(Kind kind_, uint256 height) internal view returns (bytes32) {
        return kind_ == Kind.Arbitrum ? ARB_SYS.arbBlockHash(height) : blockhash(height);
    }

    /// @notice Wei that the transaction under way, which has so many bytes, pays for its data, be they compressed or not: on
    /// Arbitrum never more than it does pay.
    function dataFee(Kind kind_, uint256 size) internal view returns (uint256 fee) {
        fee = usualDataFee(kind_, size);
        if (kind_ != Kind.Arbitrum) return fee;
        uint256 paid = ARB_GAS_INFO.getCurrentTxL1GasFees();
        if (paid < fee) fee = paid;
    }

    /// @notice Wei that a transaction of so many bytes pays for its data, be they compressed or not.
    function usualDataFee(Kind kind_, uint256 size) internal view returns (uint256) {
        if (kind_ == Kind.OpStack) return GAS_PRICE_ORACLE.getL1FeeUpperBound(size);
        if (kind_ != Kind.Arbitrum) return 0;
        // the price of a byte is one of six
        // slither-disable-next-line unused-return
        (, uint256 perByte,,,,) = ARB_GAS_INFO.getPricesInWei();
        return perByte * size;
    }
}
